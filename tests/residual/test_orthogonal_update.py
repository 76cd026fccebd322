"""The residual connection that adds only what is new in the branch."""

import pytest
import torch

from espnet_residuals.residual import OrthogonalUpdate


@pytest.mark.parametrize("transposed", [False, True])
def test_result_is_that_of_a_projection_matrix(transposed: bool) -> None:
    x, y = torch.randn(2, 5, 4).double(), torch.randn(2, 5, 4).double()
    module = OrthogonalUpdate(1, 4, 4, eps=1e-12)
    result = module(x.mT, y.mT, True).mT if transposed else module(x, y)
    for frame, branch, got in zip(
        x.flatten(0, 1), y.flatten(0, 1), result.flatten(0, 1), strict=True
    ):
        unit = frame / frame.norm()
        projector = torch.eye(4).double() - torch.outer(unit, unit)
        torch.testing.assert_close(got, frame + projector @ branch)


def test_what_is_added_is_orthogonal_and_what_is_parallel_is_lost() -> None:
    x, y = torch.randn(2, 100, 16)
    module = OrthogonalUpdate(1, 16, 16)
    added = module(x, y) - x
    assert ((added * x).sum(-1).abs() < 1e-4).all()
    torch.testing.assert_close(module(x, 3 * x), x, rtol=1e-5, atol=1e-5)


def test_stream_of_zeros_takes_the_whole_branch() -> None:
    """Padding is zero: eps keeps it from becoming NaN, forward and backward."""
    x, y = torch.zeros(2, 4, requires_grad=True), torch.randn(2, 4)
    result = OrthogonalUpdate(1, 4, 4)(x, y)
    result.sum().backward()
    torch.testing.assert_close(result, y)
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_products_do_not_overflow_in_half_precision(dtype: torch.dtype) -> None:
    x, y = torch.full((3, 256), 300.0), 150.0 + torch.randn(3, 256)
    module = OrthogonalUpdate(1, 256, 256)
    result = module(x.to(dtype), y.to(dtype))
    truth = module(x.to(dtype).double(), y.to(dtype).double())
    assert result.dtype == dtype
    torch.testing.assert_close(result.double(), truth, rtol=0.01, atol=0.01)


@pytest.mark.parametrize("features", [2, 16])
def test_squared_norm_grows_by_the_number_of_features_less_one(features: int) -> None:
    x, *branches = torch.randn(9, 20000, features)
    module = OrthogonalUpdate(1, features, features)
    for y in branches:
        x = module(x, y)
    expected = features + 8 * (features - 1)
    assert x.square().sum(-1).mean().item() == pytest.approx(expected, rel=0.03)
