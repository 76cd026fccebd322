"""DeepNorm: the weights, and the smaller start that the encoder gives the layers."""

import copy
from typing import Any

import pytest
import torch
from espnet2.torch_utils.initialize import initialize
from torch import nn

from espnet_residuals import S4Encoder
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.encoder.init_gain import scale_output_weights
from espnet_residuals.layers import build_layer
from espnet_residuals.residual import DeepNorm


@pytest.mark.parametrize(
    ("blocks", "alpha", "beta"), [(6, 1.861, 0.380), (100, 3.761, 0.188)]
)
def test_weights_are_those_of_the_paper_for_blocks_of_two_sublayers(
    blocks: int, alpha: float, beta: float
) -> None:
    """Table of the paper, encoder-only: (2N)^(1/4) and (8N)^(-1/4)."""
    deepnorm = DeepNorm(1, 4, 4, n_layers=2 * blocks)
    assert deepnorm.alpha == pytest.approx(alpha, abs=5e-4)
    assert deepnorm.init_gain == pytest.approx(beta, abs=5e-4)
    assert deepnorm.beta == 1.0


def test_share_of_a_branch_behind_the_norm() -> None:
    x, y = torch.randn(2, 1000, 512)
    deepnorm = DeepNorm(1, 512, 512, n_layers=16)
    normed = nn.LayerNorm(512)(deepnorm(x, y))
    share = (normed * y).mean().item() ** 2
    assert share == pytest.approx(1 / (1 + 16**0.5), abs=0.01)


LAYERS: dict[str, tuple[Any, list[str]]] = {
    "ff": ("ff", ["linear_in.weight", "linear_out.weight"]),
    "conv": ("conv", ["linear_out.weight"]),
    "s4d": ("s4d", ["output_linear.weight"]),
    "espnet_s4": (
        {"_name_": "espnet_s4", "mode": "diag", "measure": "diag-lin"},
        ["s4.output_linear.0.weight"],
    ),
    "mha": (
        {"_name_": "mha", "n_head": 2},
        ["linear_v.weight", "linear_out.weight"],
    ),
}


@pytest.mark.parametrize(("config", "scaled"), LAYERS.values(), ids=LAYERS)
def test_start_of_a_layer_is_scaled_where_its_output_follows(
    config: Any, scaled: list[str]
) -> None:
    layer = build_layer(config, 8)
    before = copy.deepcopy(layer.state_dict())
    scale_output_weights(layer, 0.5)
    after = layer.state_dict()
    changed = [name for name in after if not torch.equal(after[name], before[name])]
    assert sorted(changed) == sorted(scaled)
    for name in scaled:
        assert torch.equal(after[name], 0.5 * before[name])


def build(residual: str) -> ResidualStack:
    torch.manual_seed(0)
    return ResidualStack(
        8, 4, ["s4d", "ff"], residual=residual, prenorm=False, start="s4"
    )


def assert_scaled(stack: ResidualStack, plain: ResidualStack) -> None:
    for own, other in zip(stack.sublayers, plain.sublayers, strict=True):
        gain = own.residual.init_gain
        assert gain == pytest.approx(32**-0.25)
        for one, two in zip(own.layer.modules(), other.layer.modules(), strict=True):
            if isinstance(one, nn.Linear):
                torch.testing.assert_close(one.weight, gain * two.weight)


def test_stack_scales_the_start_of_its_layers() -> None:
    assert_scaled(build("deepnorm"), build("residual"))


def test_stack_scales_the_start_again_after_espnets_init() -> None:
    stacks = build("deepnorm"), build("residual")
    for stack in stacks:
        torch.manual_seed(1)
        initialize(stack, "xavier_uniform")
    assert_scaled(*stacks)


def test_deep_encoder_neither_explodes_nor_dies() -> None:
    torch.manual_seed(0)
    encoder = S4Encoder(
        20, 16, num_blocks=50, layer=["s4d", "ff"], residual="deepnorm", prenorm=False
    )
    initialize(encoder, "xavier_uniform")
    ys, _, _ = encoder(torch.randn(2, 60, 20), torch.tensor([60, 60]))
    (ys * torch.randn_like(ys)).sum().backward()
    sizes = [s.norm.weight.grad.norm().item() for s in encoder.stack.sublayers]
    assert ys.isfinite().all()
    assert max(sizes) < 100 * min(sizes)
