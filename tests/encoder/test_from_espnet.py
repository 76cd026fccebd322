"""With ESPnet's parameters the stack gives what ESPnet's encoders give."""

from typing import Any

import pytest
import torch
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from torch import Tensor, nn

from espnet_residuals import S4Encoder
from espnet_residuals.encoder.from_espnet import from_espnet

FEATURES, WIDTH, BLOCKS, LENGTH = 20, 16, 3, 120

MACARON = {"_name_": "ff", "activation": "swish", "scale": 0.5}
ATTENTION = {"_name_": "mha", "n_head": 2}
CONVOLUTION = {"_name_": "conv", "kernel": 7, "norm": "batch"}
CONFORMER = [MACARON, ATTENTION, CONVOLUTION, MACARON]


def conformer(input_layer: str = "conv2d", **options: Any) -> ConformerEncoder:
    return ConformerEncoder(
        FEATURES,
        WIDTH,
        attention_heads=2,
        linear_units=4 * WIDTH,
        num_blocks=BLOCKS,
        input_layer=input_layer,
        rel_pos_type="latest",
        **{"macaron_style": True, "cnn_module_kernel": 7, **options},
    )


def stirred(theirs: Any) -> Any:
    """Return an encoder whose norms and statistics are not those of the start."""
    torch.manual_seed(1)
    with torch.no_grad():
        for module in theirs.modules():
            if isinstance(module, (nn.LayerNorm, nn.BatchNorm1d)):
                module.weight.uniform_(0.5, 1.5)
                module.bias.normal_(std=0.2)
            if isinstance(module, nn.BatchNorm1d):
                module.running_mean.normal_(std=0.2)
                module.running_var.uniform_(0.5, 2.0)
    return theirs


def ours_of(theirs: Any, layer: list[Any], **options: Any) -> S4Encoder:
    """Return the same encoder of ours, with the eps that ESPnet's norms have."""
    settings = {"num_blocks": BLOCKS, "input_layer": "conv2d", **options}
    ours = S4Encoder(FEATURES, WIDTH, layer=layer, **settings)
    ours.load_state_dict(from_espnet(theirs.state_dict(), prefix=""))
    for module in ours.stack.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = theirs.after_norm.eps
    return ours


def batch(input_layer: str) -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    lengths = torch.tensor([LENGTH, 87, 50])
    if input_layer == "embed":
        return torch.randint(FEATURES, (3, LENGTH)), lengths
    return torch.randn(3, LENGTH, FEATURES), lengths


def valid(encoded: Any) -> Tensor:
    """Return the valid frames of a batch, one behind the other."""
    ys, lengths, _ = encoded
    return torch.cat([y[:n] for y, n in zip(ys, lengths)])


@pytest.mark.parametrize(
    "input_layer",
    ["conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8", "linear", "embed"],
)
def test_conformer_gives_its_outputs_in_a_padded_batch(input_layer: str) -> None:
    theirs = stirred(conformer(input_layer)).eval()
    ours = ours_of(theirs, CONFORMER, input_layer=input_layer, block_norm=True).eval()
    xs, lengths = batch(input_layer)
    torch.testing.assert_close(
        valid(ours(xs, lengths)), valid(theirs(xs, lengths)), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("macaron", [True, False])
@pytest.mark.parametrize("convolution", [True, False])
def test_conformer_without_some_of_its_parts_gives_its_outputs(
    macaron: bool, convolution: bool
) -> None:
    theirs = conformer(macaron_style=macaron, use_cnn_module=convolution)
    theirs = stirred(theirs).eval()
    feed_forward = MACARON if macaron else {**MACARON, "scale": 1.0}
    first, middle = [MACARON] * macaron, [CONVOLUTION] * convolution
    layer = [*first, ATTENTION, *middle, feed_forward]
    ours = ours_of(theirs, layer, block_norm=convolution).eval()
    xs, lengths = batch("conv2d")
    torch.testing.assert_close(
        valid(ours(xs, lengths)), valid(theirs(xs, lengths)), rtol=1e-5, atol=1e-5
    )


def test_conformer_gives_its_gradients_in_training() -> None:
    """All frames valid: to ESPnet's batch norm padding counts."""
    theirs = stirred(conformer(dropout_rate=0.0, positional_dropout_rate=0.0))
    ours = ours_of(theirs, CONFORMER, block_norm=True, dropout_rate=0.0)
    xs, _ = batch("conv2d")
    lengths = torch.tensor([LENGTH] * 3)
    target = torch.randn_like(valid(ours(xs, lengths)))
    ours = ours_of(theirs, CONFORMER, block_norm=True, dropout_rate=0.0)
    for encoder in (ours, theirs):
        (valid(encoder(xs, lengths)) - target).square().mean().backward()
    expected = {k: p.grad for k, p in theirs.named_parameters() if p.grad is not None}
    got = {k: p.grad for k, p in ours.named_parameters() if p.grad is not None}
    renamed = from_espnet(expected, prefix="")
    for name, gradient in got.items():
        torch.testing.assert_close(
            gradient, renamed[name], rtol=1e-3, atol=1e-6, msg=name
        )


def test_transformer_gives_its_outputs_in_a_padded_batch() -> None:
    theirs = TransformerEncoder(
        FEATURES, WIDTH, 2, 4 * WIDTH, num_blocks=BLOCKS, input_layer="conv2d"
    )
    theirs = stirred(theirs).eval()
    attention = {"_name_": "mha", "n_head": 2, "positions": None}
    layer = [attention, {"_name_": "ff", "activation": "relu"}]
    ours = ours_of(theirs, layer).eval()
    xs, lengths = batch("conv2d")
    embedded: list[Tensor] = []
    theirs.embed.register_forward_hook(lambda m, i, out: embedded.append(out[0]))
    expected = theirs(xs, lengths)
    frames = ours.stack(embedded[0], expected[1])
    torch.testing.assert_close(
        valid((frames, expected[1], None)), valid(expected), rtol=1e-5, atol=1e-5
    )


def test_a_trained_conformer_goes_on_with_another_residual_function() -> None:
    """Its model's other parameters stay; only the residual function is new."""
    model = nn.ModuleDict({"encoder": conformer(), "ctc": nn.Linear(WIDTH, 5)})
    state = from_espnet(model.state_dict())
    assert "ctc.weight" in state
    layer = [*CONFORMER[:-1], {**MACARON, "residual": "rezero"}]
    ours = nn.ModuleDict(
        {
            "encoder": S4Encoder(FEATURES, WIDTH, BLOCKS, layer=layer, block_norm=True),
            "ctc": nn.Linear(WIDTH, 5),
        }
    )
    missing = ours.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert all(key.endswith("residual.scale") for key in missing.missing_keys)
    assert len(missing.missing_keys) == BLOCKS


def test_what_has_no_encoder_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="encoder.encoders.0."):
        from_espnet(nn.Linear(1, 1).state_dict())
