"""The models that are compared, and one step of training each.

All have the dropout that ESPnet's encoders have by default, and are in training mode.
"""

from typing import Any, Callable

import torch
from torch import Tensor, nn

from benchmarks.clock import Step

DROPOUT = 0.1
FEATURES = 80


def training_step(model: nn.Module, inputs: tuple[Tensor, ...], d_output: int) -> Step:
    """Return a forward and backward pass.

    Args:
        model (nn.Module): Returns its output, or a tuple that begins with it.
        inputs (tuple[Tensor, ...]): What it is called with, (batch, length, ...) first.
        d_output (int): Number of features of the output.

    Returns:
        Step: The step.
    """
    gradient = torch.randn(*inputs[0].shape[:2], d_output)

    def step() -> None:
        model.zero_grad(set_to_none=True)
        output = model(*inputs)
        if isinstance(output, tuple):
            output = output[0]
        output.backward(gradient)

    return step


def s4_stack(d_model: int, num_blocks: int, d_state: int) -> nn.Module:
    """Return our stack of blocks [bidirectional s4d, ff x4]."""
    from espnet_residuals.encoder import ResidualStack

    return ResidualStack(
        d_model, num_blocks, s4_block(d_state), dropout_rate=DROPOUT
    ).train()


def s4_block(d_state: int, bidirectional: bool = True) -> list[dict[str, Any]]:
    """Return the layers of one block, as in a YAML."""
    return [
        {"_name_": "s4d", "d_state": d_state, "bidirectional": bidirectional},
        {"_name_": "ff", "expand": 4},
    ]


def espnet_stack(d_model: int, num_blocks: int, d_state: int) -> nn.Module:
    """Return the same stack as ESPnet's own code builds it."""
    from espnet2.asr.state_spaces.model import SequenceModel

    s4 = {
        "_name_": "s4",
        "mode": "diag",
        "measure": "diag-lin",
        "disc": "zoh",
        "d_state": d_state,
        "bidirectional": True,
    }
    model: nn.Module = SequenceModel(
        d_model,
        n_layers=num_blocks,
        layer=[s4, {"_name_": "ff", "expand": 4}],
        residual={"_name_": "residual"},
        norm="layer",
        dropout=DROPOUT,
    )
    return model.train()


def s4_encoder(**options: Any) -> nn.Module:
    """Return our encoder behind a linear input layer."""
    from espnet_residuals import S4Encoder

    return S4Encoder(
        FEATURES, input_layer="linear", dropout_rate=DROPOUT, **options
    ).train()


def conformer(**options: Any) -> nn.Module:
    """Return ESPnet's Conformer, set as in its recipes."""
    from espnet2.asr.encoder.conformer_encoder import ConformerEncoder

    model: nn.Module = ConformerEncoder(
        FEATURES,
        input_layer="linear",
        dropout_rate=DROPOUT,
        positional_dropout_rate=DROPOUT,
        rel_pos_type="latest",
        macaron_style=True,
        cnn_module_kernel=31,
        **options,
    )
    return model.train()


def e_branchformer(**options: Any) -> nn.Module:
    """Return ESPnet's E-Branchformer, set as in its recipes."""
    from espnet2.asr.encoder.e_branchformer_encoder import EBranchformerEncoder

    model: nn.Module = EBranchformerEncoder(
        FEATURES,
        input_layer="linear",
        dropout_rate=DROPOUT,
        positional_dropout_rate=DROPOUT,
        rel_pos_type="latest",
        use_ffn=True,
        macaron_ffn=True,
        merge_conv_kernel=31,
        **options,
    )
    return model.train()


def count_parameters(model: nn.Module) -> int:
    """Return the number of trained parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def stack_step(
    build: Callable[..., nn.Module],
    options: dict[str, int],
    batch: int,
    length: int,
) -> Step:
    """Return a step of a stack, which takes a stream and gives a stream."""
    x = torch.randn(batch, length, options["d_model"], requires_grad=True)
    return training_step(build(**options), (x,), options["d_model"])


def encoder_step(
    build: Callable[..., nn.Module],
    options: dict[str, int],
    batch: int,
    length: int,
) -> Step:
    """Return a step of an encoder, which takes features and lengths."""
    inputs = torch.randn(batch, length, FEATURES), torch.full((batch,), length)
    return training_step(build(**options), inputs, options["output_size"])
