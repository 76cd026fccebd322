"""The scan in chunks, against the recurrence that it stands for."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals.ssm.ssd import ssd

BATCH, N_HEAD, HEAD_DIM, D_STATE = 2, 3, 4, 5
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def inputs(
    length: int, decay: float = 0.3, dtype: torch.dtype = torch.float64
) -> Inputs:
    """Return x, log_decay, B, C and state; decays from 0 to many times ``decay``."""
    rows = (BATCH, length, D_STATE)
    return (
        torch.randn(BATCH, length, N_HEAD, HEAD_DIM, dtype=dtype),
        -decay * torch.randn(BATCH, length, N_HEAD, dtype=dtype).exp(),
        torch.randn(rows, dtype=dtype),
        torch.randn(rows, dtype=dtype),
        torch.randn(BATCH, N_HEAD, HEAD_DIM, D_STATE, dtype=dtype),
    )


def recurrence(
    x: Tensor, log_decay: Tensor, B: Tensor, C: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    outputs = []
    for t in range(x.size(1)):
        added = torch.einsum("bhp,bn->bhpn", x[:, t], B[:, t])
        state = log_decay[:, t, :, None, None].exp() * state + added
        outputs.append(torch.einsum("bhpn,bn->bhp", state, C[:, t]))
    return torch.stack(outputs, dim=1), state


@settings(max_examples=25)
@given(
    length=st.integers(1, 100),
    chunk=st.sampled_from([1, 2, 7, 16, 64]),
    exponent=st.floats(-8, 6),
)
def test_chunks_of_any_size_are_the_recurrence(
    length: int, chunk: int, exponent: float
) -> None:
    torch.manual_seed(0)
    given_inputs = inputs(length, 10.0**exponent)
    for got, expected in zip(ssd(*given_inputs, chunk), recurrence(*given_inputs)):
        torch.testing.assert_close(got, expected)


@settings(max_examples=20)
@given(exponent=st.floats(-8, 6), spread=st.floats(0, 8))
@example(exponent=0.0, spread=6.5)
def test_float32_is_as_good_as_float32_at_any_dt(
    exponent: float, spread: float
) -> None:
    torch.manual_seed(0)
    x, log_decay, B, C, state = inputs(100, 10.0**exponent)
    log_decay = -((-log_decay) ** (1 + spread))
    exact, _ = recurrence(x, log_decay, B, C, state)
    got, _ = ssd(x.float(), log_decay.float(), B.float(), C.float(), state.float())
    assert got.dtype == torch.float32
    assert (got - exact).abs().max() < 2e-5 * exact.abs().max()


@pytest.mark.parametrize("decay", [0.0, 1e-30, 1.0, 1e30, 3e38])
def test_extreme_decays_stay_finite_forward_and_backward(decay: float) -> None:
    given_inputs = inputs(100, 1.0, torch.float32)
    given_inputs[1].fill_(-decay)
    x, log_decay, B, C, state = tracked = [t.requires_grad_() for t in given_inputs]
    y, state = ssd(x, log_decay, B, C, state)
    (y.sum() + state.sum()).backward()
    assert y.isfinite().all() and state.isfinite().all()
    assert all(t.grad.isfinite().all() for t in tracked)


def test_gradients_are_those_of_the_recurrence() -> None:
    given_inputs = inputs(20)
    for tensor in given_inputs:
        tensor.requires_grad_()
    weights = torch.randn(BATCH, 20, N_HEAD, HEAD_DIM, dtype=torch.float64)
    gradients = [
        torch.autograd.grad((y * weights).sum() + state.sum(), given_inputs)
        for y, state in (ssd(*given_inputs, 8), recurrence(*given_inputs))
    ]
    for got, expected in zip(*gradients):
        torch.testing.assert_close(got, expected)


def test_state_behind_one_part_goes_into_the_next() -> None:
    x, log_decay, B, C, state = inputs(100)
    whole, last = ssd(x, log_decay, B, C, state)
    first, state = ssd(x[:, :30], log_decay[:, :30], B[:, :30], C[:, :30], state)
    second, state = ssd(x[:, 30:], log_decay[:, 30:], B[:, 30:], C[:, 30:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
    torch.testing.assert_close(state, last)


def test_no_frame_leaves_the_state_as_it_is() -> None:
    given_inputs = inputs(0)
    y, state = ssd(*given_inputs)
    assert y.shape == (BATCH, 0, N_HEAD, HEAD_DIM)
    assert torch.equal(state, given_inputs[-1])
