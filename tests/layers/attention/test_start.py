"""The start: a frame sees itself first, and hands its power on."""

from typing import Any

import pytest
import torch
from espnet2.torch_utils.initialize import initialize
from torch import Tensor, nn

from espnet_residuals.layers.attention import SelfAttention
from espnet_residuals.layers.attention.limits import Limits
from espnet_residuals.layers.attention.own_frame import OWN_WEIGHT, own_frame


def frames(length: int, d_model: int, correlation: float) -> Tensor:
    x = torch.randn(1, length, d_model)
    for t in range(1, length):
        x[:, t] *= (1 - correlation**2) ** 0.5
        x[:, t] += correlation * x[:, t - 1]
    return nn.functional.layer_norm(x, (d_model,))


@pytest.mark.parametrize("positions", ["relative", "rotary"])
@pytest.mark.parametrize("n_features", [64, 256])
def test_own_frame_has_its_weight_in_every_head(
    positions: Any, n_features: int
) -> None:
    layer = SelfAttention(n_features, positions=positions)
    d_k = n_features // layer.n_head
    x = frames(2000, n_features, 0.5)
    with torch.no_grad():
        q, k, _ = layer.split(x)
        # Values that tell frames 1000 to 1000 + d_k apart.
        values = torch.eye(d_k).expand(1, layer.n_head, -1, -1)
        values = nn.functional.pad(values, (0, 0, 1000, 1000 - d_k))
        weights = layer.attend(q, k, values)[0].unflatten(-1, (layer.n_head, d_k))
    own = weights[1000 : 1000 + d_k].diagonal(dim1=0, dim2=2)
    assert own.min() > 0.98 * OWN_WEIGHT


@pytest.mark.parametrize("positions", ["relative", "rotary"])
@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("length", [1, 30, 2000])
def test_power_hardly_depends_on_length_and_correlation(
    positions: Any, correlation: float, length: int
) -> None:
    layer = SelfAttention(128, positions=positions, start_gain=0.5)
    with torch.no_grad():
        got = layer(frames(length, 128, correlation)).square().mean().item()
    assert got == pytest.approx(0.25, rel=0.1)


def test_without_positions_one_frame_keeps_its_power() -> None:
    layer = SelfAttention(128, positions=None, start_gain=0.5)
    got = layer(frames(1, 128, 0.0)).square().mean().item()
    assert got == pytest.approx(0.25, rel=1e-4)


@pytest.mark.parametrize("size", [8, 16, 64, 512])
def test_closed_form_is_the_softmax_of_the_scores(size: int) -> None:
    own = own_frame(size, Limits(300, 100))
    omega = 10000.0 ** (-torch.arange(0, size, 2).double() / size)
    distances = torch.arange(-100, 301).double()
    weights = (own.scores @ torch.cos(omega[:, None] * distances)).softmax(dim=0)
    assert weights.argmax() == 100
    assert weights[100].item() == pytest.approx(own.weight, rel=1e-9)
    assert own.weight == pytest.approx(OWN_WEIGHT, rel=1e-6)


@pytest.mark.parametrize("positions", ["relative", "rotary", None])
def test_every_parameter_can_learn_within_two_steps(positions: Any) -> None:
    """Queries start at 0, so that keys have no gradient before they have moved."""
    layer = SelfAttention(16, positions=positions)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(2):
        x = frames(30, 16, 0.9)
        optimizer.zero_grad()
        (layer(x) - x.roll(1, dims=1)).square().sum().backward()
        optimizer.step()
    zero = [n for n, p in layer.named_parameters() if not p.grad.any()]
    assert zero == []


@pytest.mark.parametrize("positions", ["relative", "rotary", None])
def test_espnets_init_leaves_the_start(positions: Any) -> None:
    layer = SelfAttention(32, positions=positions)
    x = frames(1, 32, 0.0)
    initialize(layer, "xavier_uniform")
    assert layer(x).square().mean().item() == pytest.approx(1.0, rel=0.1)


def test_narrow_rotary_heads_have_too_few_frequencies_and_do_not_explode() -> None:
    layer = SelfAttention(8, n_head=4, positions="rotary")
    with torch.no_grad():
        assert layer(frames(2000, 8, 0.9)).square().mean() < 1.1
