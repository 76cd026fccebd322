"""A sequence in pieces gives what it gives as a whole, however it is cut."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet_residuals.ssm import S4D

LENGTH = 200
CUTS = st.lists(st.integers(0, LENGTH), max_size=8).map(sorted)


def pieces(x: torch.Tensor, cuts: list[int]) -> list[torch.Tensor]:
    """Cut (batch, length, features) behind the given frames; pieces may be empty."""
    bounds = [0, *cuts, x.size(1)]
    return [x[:, a:b] for a, b in zip(bounds, bounds[1:])]


@given(cuts=CUTS)
@pytest.mark.parametrize("init", ["lin", "inv", "legs"])
@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
@pytest.mark.parametrize("grad", [True, False])
def test_any_split_equals_the_whole(
    cuts: list[int], init: str, discretization: str, grad: bool
) -> None:
    torch.manual_seed(0)
    layer = S4D(8, d_state=16, init=init, discretization=discretization)
    x = torch.randn(2, LENGTH, 8)
    with torch.set_grad_enabled(grad):
        state, outputs = layer.default_state(2), []
        for piece in pieces(x, cuts):
            y, state = layer.forward_chunk(piece, state)
            outputs.append(y)
        got, whole = torch.cat(outputs, dim=1), layer(x)
    torch.testing.assert_close(got, whole, rtol=1e-5, atol=1e-5)


def test_state_behind_a_chunk_is_the_state_behind_its_last_step() -> None:
    layer = S4D(8, d_state=16)
    x = torch.randn(2, 100, 8)
    _, by_chunk = layer.forward_chunk(x, layer.default_state(2))
    by_step = layer.default_state(2)
    for t in range(100):
        _, by_step = layer.step(x[:, t], by_step)
    torch.testing.assert_close(by_chunk, by_step, rtol=1e-5, atol=1e-5)


def test_many_streams_at_once_give_what_each_gives_alone() -> None:
    """So many that matrix products take the place of plain operations."""
    layer = S4D(8, d_state=16).double()
    x = torch.randn(40, 50, 8, dtype=torch.float64)
    together, state = layer.forward_chunk(x, layer.default_state(40))
    alone, state_alone = layer.forward_chunk(x[:1], layer.default_state(1))
    torch.testing.assert_close(together[:1], alone)
    torch.testing.assert_close(state[:1], state_alone)
    torch.testing.assert_close(together, layer(x))


def test_gradient_flows_through_the_carried_state() -> None:
    layer = S4D(4, d_state=4, dtype=torch.float64)
    x = torch.randn(1, 80, 4, dtype=torch.float64, requires_grad=True)

    def in_two_chunks(x: torch.Tensor) -> torch.Tensor:
        y, state = layer.forward_chunk(x[:, :30], layer.default_state(1))
        return torch.cat([y, layer.forward_chunk(x[:, 30:], state)[0]], dim=1)

    (got,) = torch.autograd.grad(in_two_chunks(x).square().sum(), x)
    (whole,) = torch.autograd.grad(layer(x).square().sum(), x)
    torch.testing.assert_close(got, whole)


def test_state_dtype_follows_the_frames() -> None:
    layer = S4D(8)
    assert layer.default_state(1).dtype == torch.float32
    assert layer.default_state(1, dtype=torch.float64).dtype == torch.float64
    assert layer.bfloat16().default_state(1).dtype == torch.float32
