"""Every residual function in half, mixed and automatic mixed precision."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from espnet_residuals.residual import Affine, DecayResidual, Residual
from tests.residual.rounding import DTYPE_PAIRS, FULL, HALF
from tests.residual.variants import FEATURES, VARIANTS, MakeResidual, every_variant

KEEPS_INPUT = [make for make in VARIANTS.values() if make().keeps_input]


@every_variant
@pytest.mark.parametrize("dtype", [*HALF, *FULL], ids=str)
def test_dtype_of_the_inputs_is_kept_whatever_the_parameters_have(
    make: MakeResidual, dtype: torch.dtype
) -> None:
    """ESPnet's Affine turns to float32, its Highway raises."""
    x, y = torch.randn(2, 2, 5, FEATURES).to(dtype)
    for module in (make(), make().to(dtype)):
        assert module(x, y).dtype == dtype
        assert module(x, y, transposed=False).isfinite().all()


@pytest.mark.parametrize("make", KEEPS_INPUT)
@pytest.mark.parametrize(("x_dtype", "y_dtype"), DTYPE_PAIRS, ids=str)
def test_mixed_inputs_give_the_dtype_that_torch_promotes_to(
    make: MakeResidual, x_dtype: torch.dtype, y_dtype: torch.dtype
) -> None:
    x, y = torch.randn(5, FEATURES).to(x_dtype), torch.randn(5, FEATURES).to(y_dtype)
    assert make()(x, y).dtype == (x + y).dtype


@pytest.mark.parametrize("make", KEEPS_INPUT)
def test_stream_stays_float32_beside_a_bf16_branch_under_autocast(
    make: MakeResidual,
) -> None:
    residual, sublayer = make(), nn.Linear(FEATURES, FEATURES)
    x = torch.randn(2, 5, FEATURES, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = sublayer(x)
        result = residual(x, y)
        assert (y.dtype, result.dtype) == (torch.bfloat16, torch.float32)
    result.sum().backward()
    truth = residual(x, sublayer(x))
    torch.testing.assert_close(result, truth, rtol=0.05, atol=0.05)
    for tensor in (x, *sublayer.parameters(), *residual.parameters()):
        assert tensor.grad is not None and tensor.grad.dtype == torch.float32
        assert tensor.grad.isfinite().all()


@pytest.mark.parametrize(
    "residual",
    [
        DecayResidual(3, FEATURES, FEATURES),
        DecayResidual(4, FEATURES, FEATURES, l2=False),
        Affine(4, FEATURES, FEATURES, alpha=0.5, gamma=0.5),
    ],
    ids=repr,
)
def test_large_float16_inputs_of_opposite_sign_do_not_overflow(
    residual: Residual,
) -> None:
    """The largest number of float16 is 65504."""
    x = torch.full((3, FEATURES), 6e4, dtype=torch.float16)
    exact = deepcopy(residual).double()
    for first, second in ((x, -x), (-x, x)):
        truth = exact(first.double(), second.double())
        assert torch.equal(residual(first, second), truth.to(torch.float16))
