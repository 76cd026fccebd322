"""The weighted sum: precision, dtype, extreme values, a weight of 0, memory."""

from typing import Any, Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from espnet_residuals.residual import Feedforward, Residual, mix
from tests.residual.rounding import (
    DTYPE_PAIRS,
    FULL,
    HALF,
    assert_within,
    normal,
    rounding_bound,
    scales,
    seeds,
    weights,
)

INF = float("inf")
every_dtype = pytest.mark.parametrize("dtype", [*HALF, *FULL], ids=str)
every_dtype_pair = pytest.mark.parametrize(
    ("x_dtype", "y_dtype"), [*DTYPE_PAIRS, (torch.float64, torch.float32)], ids=str
)


def assert_is_the_sum(x: Tensor, y: Tensor, alpha: float, beta: float) -> None:
    result = mix(x, y, alpha, beta)
    kept = alpha * x.double() if alpha else torch.zeros(y.shape).double()
    added = beta * y.double()
    bound = rounding_bound(kept + added, kept.abs() + added.abs(), result.dtype)
    assert result.dtype == torch.promote_types(x.dtype, y.dtype)
    assert_within(result, kept + added, bound)


@every_dtype_pair
@given(alpha=weights, beta=weights, seed=seeds, x_scale=scales, y_scale=scales)
def test_sum_is_rounded_once_to_the_promoted_dtype(
    x_dtype: torch.dtype,
    y_dtype: torch.dtype,
    alpha: float,
    beta: float,
    seed: int,
    x_scale: float,
    y_scale: float,
) -> None:
    x = normal([3, 37], x_dtype, seed, x_scale)
    y = normal([3, 37], y_dtype, seed + 1, y_scale)
    assert_is_the_sum(x, y, alpha, beta)


@every_dtype
@given(
    beta=st.one_of(st.floats(0.0, 1.0), st.floats(-2.0, 3.0)),
    seed=seeds,
    x_scale=scales,
    y_scale=scales,
)
def test_sum_is_rounded_once_where_the_weights_sum_to_one(
    dtype: torch.dtype, beta: float, seed: int, x_scale: float, y_scale: float
) -> None:
    x = normal([111], dtype, seed, x_scale)
    y = normal([111], dtype, seed + 1, y_scale)
    assert_is_the_sum(x, y, 1.0 - beta, beta)


@pytest.mark.parametrize("small", [1e-2, 1e-4, 1e-9])
@every_dtype
def test_small_weight_is_not_lost_in_the_rounding_of_a_weight_near_one(
    dtype: torch.dtype, small: float
) -> None:
    large_values, values = 1e4 * torch.randn(1000), torch.randn(1000)
    assert_is_the_sum(large_values.to(dtype), values.to(dtype), small, 1.0 - small)
    assert_is_the_sum(values.to(dtype), large_values.to(dtype), 1.0 - small, small)


def test_weights_that_only_nearly_sum_to_one_are_kept() -> None:
    x, y = torch.randn(2, 1000, dtype=torch.float64)
    assert_is_the_sum(x, y, 0.3, 0.7 + 5e-13)


@pytest.mark.parametrize("length", [1, 3, 64])
@pytest.mark.parametrize("alpha", [0.5, 0.3, 0.9])
@pytest.mark.parametrize(
    ("dtype", "large"),
    [(torch.float16, 6e4), (torch.bfloat16, 6e4), (torch.float32, 1e38)],
    ids=str,
)
def test_large_values_of_any_sign_do_not_overflow(
    dtype: torch.dtype, large: float, alpha: float, length: int
) -> None:
    """The lengths run through both the plain and the vectorised loops of torch."""
    x = torch.full((length,), large, dtype=dtype)
    for first, second in ((x, -x), (-x, x), (x, x)):
        assert_is_the_sum(first, second, alpha, 1.0 - alpha)


@pytest.mark.parametrize("bad", [float("nan"), INF, -INF])
@pytest.mark.parametrize("beta", [1.0, 0.5])
@every_dtype_pair
def test_nan_and_infinity_in_x_do_not_leak_through_alpha_0(
    x_dtype: torch.dtype, y_dtype: torch.dtype, beta: float, bad: float
) -> None:
    x = torch.full((40,), bad, dtype=x_dtype)
    assert_is_the_sum(x, torch.randn(40).to(y_dtype), 0.0, beta)


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.7, 1.0])
@every_dtype
def test_infinite_input_does_not_give_a_finite_result(
    dtype: torch.dtype, alpha: float
) -> None:
    """An overflow stays visible in every form of the sum, also in torch.lerp."""
    infinite = torch.full((40,), INF, dtype=dtype)
    finite = torch.ones(40, dtype=dtype)
    for beta in (1.0 - alpha or 1.0, 0.8):
        assert not mix(infinite, finite, alpha, beta).isfinite().any()
        assert not mix(finite, infinite, alpha, beta).isfinite().any()


@pytest.mark.parametrize("alpha", [0.6, 1.0])
@every_dtype
def test_infinite_input_stays_infinite_where_the_weights_do_not_sum_to_one(
    dtype: torch.dtype, alpha: float
) -> None:
    infinite = torch.full((40,), INF, dtype=dtype)
    finite = torch.ones(40, dtype=dtype)
    assert (mix(infinite, finite, alpha, 0.8) == INF).all()
    assert (mix(finite, -infinite, alpha, 0.8) == -INF).all()


@every_dtype_pair
@pytest.mark.parametrize("alpha", [0.6, 0.3, 1.0, 0.0])
@pytest.mark.parametrize("beta", [1.0, 0.7])
def test_inputs_are_not_changed(
    x_dtype: torch.dtype, y_dtype: torch.dtype, alpha: float, beta: float
) -> None:
    x, y = torch.randn(9).to(x_dtype), torch.randn(9).to(y_dtype)
    x_before, y_before = x.clone(), y.clone()
    mix(x, y, alpha, beta)
    assert torch.equal(x, x_before) and torch.equal(y, y_before)


@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.8), (0.3, 0.7), (1.0, 0.5)])
def test_any_layout_in_memory_gives_the_sum(alpha: float, beta: float) -> None:
    transposed, expanded = torch.randn(5, 6).T, torch.randn(5).expand(6, 5)
    assert_is_the_sum(transposed, expanded, alpha, beta)
    assert_is_the_sum(expanded, transposed, alpha, beta)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
@pytest.mark.parametrize("alpha", [0.6, 0.3, 0.7, 1.0, 0.0])
def test_derivatives_of_every_kind_are_right(alpha: float) -> None:
    """Backward, forward, vectorised, and of second order."""
    x, y = (torch.randn(3, 4).double().requires_grad_() for _ in range(2))
    for beta in (1.0 - alpha, 0.5):

        def squared(x: Tensor, y: Tensor) -> Tensor:
            return mix(x, y, alpha, beta).square()

        assert torch.autograd.gradcheck(
            squared, (x, y), check_forward_ad=True, check_batched_grad=True
        )
        assert torch.autograd.gradgradcheck(squared, (x, y))


class CountStorages(TorchDispatchMode):
    """Notes the size of every storage that operations create."""

    def __init__(self, *inputs: Tensor) -> None:
        super().__init__()
        self._seen = list(inputs)
        self.created: list[int] = []

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation; note the storage of its result if it is new."""
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            storage = result.untyped_storage()
            known = {tensor.untyped_storage().data_ptr() for tensor in self._seen}
            if storage.data_ptr() not in known:
                self.created.append(storage.nbytes())
            self._seen.append(result)
        return result


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.6, 0.8), (0.3, 0.7), (0.5, 0.5), (1.0, 1.0), (1.0, 0.5)]
)
def test_sum_allocates_nothing_but_its_result(
    alpha: float, beta: float, requires_grad: bool
) -> None:
    x = torch.randn(16, 50, 32, requires_grad=requires_grad)
    y = torch.randn(16, 50, 32, requires_grad=requires_grad)
    with CountStorages(x, y) as count:
        mix(x, y, alpha, beta)
    assert count.created == [x.nbytes]


@pytest.mark.parametrize(
    "residual", [Feedforward(1, 8, 8), Residual(1, 8, 8, alpha=0.0)], ids=repr
)
def test_y_is_not_copied_where_it_is_the_result(residual: Residual) -> None:
    x, y = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    with CountStorages(x, y) as count:
        result = residual(x, y)
    assert count.created == []
    assert result.data_ptr() == y.data_ptr()
