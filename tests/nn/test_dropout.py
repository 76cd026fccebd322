"""Dropout against its definition and against torch's own."""

import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from espnet_residuals.nn.dropout import Dropout

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
shapes = st.lists(st.integers(0, 7), min_size=0, max_size=4)


@given(shape=shapes, rate=st.floats(0.001, 0.999), dtype=st.sampled_from(DTYPES))
def test_every_value_is_dropped_or_scaled_as_by_torch(
    shape: list[int], rate: float, dtype: torch.dtype
) -> None:
    x = torch.randn(shape, dtype=dtype)
    y = Dropout(rate)(x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    scaled = x * (1 / (1 - rate))
    kept = y != 0
    torch.testing.assert_close(y[kept], scaled[kept], rtol=1e-2, atol=0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_mean_are_those_asked_for(rate: float) -> None:
    torch.manual_seed(0)
    n = 1_000_000
    y = Dropout(rate)(torch.ones(n))
    spread = 5 * (rate * (1 - rate) / n) ** 0.5
    assert abs((y == 0).float().mean().item() - rate) < spread
    assert abs(y.mean().item() - 1) < spread / (1 - rate)


def test_neighbours_are_dropped_independently() -> None:
    """One draw of 64 bits decides on four values."""
    torch.manual_seed(0)
    dropped = (Dropout(0.5)(torch.ones(250_000, 4)) == 0).double()
    correlation = torch.corrcoef(dropped.T) - torch.eye(4)
    assert correlation.abs().max() < 0.01


def test_gradient_passes_where_the_value_did() -> None:
    x = torch.randn(3, 1000, requires_grad=True)
    y = Dropout(0.3)(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)


def test_same_seed_drops_the_same_whatever_the_number_of_threads() -> None:
    x, threads = torch.ones(1_000_000), torch.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            torch.manual_seed(3)
            results.append(Dropout(0.2)(x))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*results)


def test_backward_pass_stores_a_byte_a_value() -> None:
    stored: list[torch.Tensor] = []

    def store(tensor: torch.Tensor) -> torch.Tensor:
        stored.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(store, lambda tensor: tensor):
        Dropout(0.1)(torch.randn(1000, requires_grad=True))
    assert [tensor.nbytes for tensor in stored] == [1000]


def test_evaluation_and_rate_zero_change_nothing() -> None:
    x = torch.randn(10)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_rates_next_to_one_leave_a_chance() -> None:
    assert Dropout(1 - 1e-9).draw_mask(torch.ones(1_000_000)).sum() > 0


def test_stands_for_torch_dropout_in_compiled_code_and_pickles() -> None:
    module = nn.Sequential(nn.Linear(4, 4), Dropout(0.5))
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    y = compiled(torch.ones(5000, 4))
    assert 0.4 < (y == 0).float().mean() < 0.6
    assert isinstance(pickle.loads(pickle.dumps(module))[1], nn.Dropout)
