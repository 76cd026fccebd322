"""The start of the encoder: what each branch hands on, and how much of it."""

from typing import Any, Optional

import pytest
import torch
from espnet2.torch_utils.initialize import initialize
from torch import Tensor, nn

from espnet_residuals import S4Encoder
from espnet_residuals.config import ConfigError
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.layers import build_layer, layer_registry, register_layer

BLOCK = [{"_name_": "s4d", "bidirectional": True}, "ff"]


def frames(kind: str, d_model: int) -> Tensor:
    """Return frames of power 1, as LayerNorm leaves them: (batch, length, d_model)."""
    x = torch.randn(4, 300, d_model)
    if kind == "correlated":
        for t in range(1, x.size(1)):
            x[:, t] = 0.9 * x[:, t - 1] + (1 - 0.81) ** 0.5 * x[:, t]
    return nn.functional.layer_norm(x, (d_model,))


def power(y: Tensor) -> float:
    return y.detach().square().mean().item()


@pytest.mark.parametrize("kind", ["white", "correlated"])
@pytest.mark.parametrize(
    "layer",
    [
        "s4d",
        {"_name_": "s4d", "bidirectional": True},
        {"_name_": "s4d", "init": "inv", "dt_max": 0.5},
        {"_name_": "s4d", "init": "legs", "discretization": "bilinear", "d_state": 8},
        {"_name_": "ff", "expand": 1},
        {"_name_": "ff", "expand": 4},
        "mha",
        {"_name_": "mha", "positions": "rotary"},
        {"_name_": "mha", "left_context": 20, "look_ahead": 4},
        "mamba2",
        {"_name_": "mamba2", "bidirectional": True},
        {"_name_": "mamba2", "expand": 1, "head_dim": 16, "d_state": 8, "dt_max": 0.5},
    ],
    ids=str,
)
@pytest.mark.parametrize("d_model", [32, 96, 256, 1024])
def test_branch_gives_power_1_for_power_1(d_model: int, layer: Any, kind: str) -> None:
    branch = build_layer(layer, d_model)
    assert power(branch(frames(kind, d_model))) == pytest.approx(1.0, rel=0.1)


def test_frame_hands_on_what_happens_in_it() -> None:
    """A change in one frame of the input changes that frame of the output most."""
    layer = build_layer({"_name_": "s4d", "bidirectional": True}, 64)
    x = frames("correlated", 64)
    change = torch.zeros_like(x)
    change[:, 150] = torch.randn(4, 64)
    moved = (layer(x + change) - layer(x)).square().sum(dim=(0, 2))
    assert moved[150] > 0.95 * moved.sum()


@pytest.mark.parametrize(
    ("residual", "gains"),
    [
        ("residual", [0.25] * 16),
        ("decay", [1.0] + [0.25] * 15),
        ({"_name_": "decay", "offset": 1}, [0.25] * 16),
        (None, [1.0] * 16),
        ("rezero", [1.0] * 16),
        ("layerscale", [1.0] * 16),
        ("depth_scaled", [1.0] * 16),
    ],
    ids=str,
)
def test_branches_weigh_together_what_they_join(
    residual: Any, gains: list[float]
) -> None:
    stack = ResidualStack(64, 8, BLOCK, residual=residual)
    x = frames("white", 64)
    for sublayer, gain in zip(stack.sublayers, gains, strict=True):
        assert power(sublayer.layer(x)) == pytest.approx(gain**2, rel=0.1)


@pytest.mark.parametrize("options", [{"prenorm": False}, {"norm": None}], ids=str)
def test_branches_behind_which_a_norm_keeps_the_stream_small_start_smaller(
    options: dict[str, Any],
) -> None:
    stack = ResidualStack(64, 8, BLOCK, residual="decay", **options)
    kept = 1 / 16 if "prenorm" in options else 1 / 4
    for i_layer, sublayer in enumerate(stack.sublayers, start=1):
        gain = 1.0 if i_layer == 1 else kept
        got = power(sublayer.layer(frames("white", 64)))
        assert got == pytest.approx(gain**2, rel=0.1)


def test_deepnorm_keeps_the_gain_of_its_paper() -> None:
    stack = ResidualStack(64, 8, BLOCK, residual="deepnorm", prenorm=False)
    for sublayer in stack.sublayers:
        got = power(sublayer.layer(frames("white", 64)))
        assert got == pytest.approx(64**-0.5, rel=0.1)


@pytest.mark.parametrize("residual", ["residual", "decay"])
@pytest.mark.parametrize("num_blocks", [4, 24])
def test_half_of_the_output_is_what_the_first_sublayers_had(
    num_blocks: int, residual: str
) -> None:
    """The stream's input with x + y, the first branch's output with decay."""
    stack = ResidualStack(128, num_blocks, BLOCK, residual=residual).eval()
    streams: list[Tensor] = []
    for sublayer in stack.sublayers:
        sublayer.register_forward_hook(lambda m, i, y: streams.append(y))
    x = frames("white", 128)
    stack(x)
    first = x if residual == "residual" else streams[0]
    cosine = nn.functional.cosine_similarity(first, streams[-1], dim=-1)
    assert cosine.square().mean().item() == pytest.approx(0.5, abs=0.15)


def test_former_start_is_that_of_the_s4_authors() -> None:
    stack = ResidualStack(256, 2, BLOCK, start="s4")
    s4d, ff = (stack.sublayers[i].layer for i in (0, 1))
    assert s4d.D.std().item() == pytest.approx(1.0, abs=0.2)
    assert s4d.kernel.C.square().sum(-1).mean().item() == pytest.approx(1.0, abs=0.05)
    bound = 256**-0.5
    for linear in (s4d.output_linear, ff.linear_in):
        assert linear.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert linear.bias.abs().max().item() > 0.9 * bound


@pytest.mark.parametrize("start", ["direct", "s4"])
def test_espnets_init_leaves_the_direct_start_and_draws_the_former_anew(
    start: str,
) -> None:
    encoder = S4Encoder(20, 64, num_blocks=2, start=start).eval()
    initialize(encoder, "xavier_uniform")
    x = frames("white", 64)
    powers = [power(s.layer(x)) for s in encoder.stack.sublayers]
    is_kept = all(p == pytest.approx(1 / len(powers), rel=0.1) for p in powers)
    assert is_kept == (start == "direct")


def test_layer_of_ones_own_takes_part_by_declaring_start_gain() -> None:
    seen: list[Optional[float]] = []

    @register_layer("scaled_copy")
    class ScaledCopy(nn.Module):
        def __init__(self, d_model: int, start_gain: Optional[float] = 1.0) -> None:
            super().__init__()
            seen.append(start_gain)

        def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
            return x

    try:
        ResidualStack(8, 4, "scaled_copy")
        ResidualStack(8, 1, "scaled_copy", start="s4")
        ResidualStack(8, 1, {"_name_": "scaled_copy", "start_gain": 0.3})
    finally:
        del layer_registry["scaled_copy"]
    assert seen == [0.5] * 4 + [None, 0.3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "s5"}, r"encoder_conf\.start: must be one of direct, s4, got 's5'"),
        (
            {"layer": {"_name_": "ff", "start_gain": -1}},
            r"encoder_conf\.layer\.start_gain: .* number >= 0 <= 100, got -1",
        ),
    ],
)
def test_wrong_start_is_refused_with_its_key(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        S4Encoder(20, 8, **options)
