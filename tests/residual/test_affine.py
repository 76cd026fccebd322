"""The residual connection with a learned weight."""

from typing import Optional

import pytest
import torch

from espnet_residuals.residual import Affine
from tests.residual.rounding import HALF, assert_within, rounding_bound


@pytest.mark.parametrize("i_layer", [None, -1, 0])
def test_index_is_not_read_without_gamma(i_layer: Optional[int]) -> None:
    weight = Affine(i_layer, 4, 4, beta=0.5).affine
    assert torch.equal(weight, torch.tensor([0.5]))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, -0.5])
def test_weight_starts_real_and_as_the_formula_says(gamma: float) -> None:
    affine = Affine(4, 3, 3, beta=2.0, gamma=gamma, scalar=False)
    assert affine.affine.dtype == torch.float32
    torch.testing.assert_close(affine.affine, torch.full((3,), 2.0 * 4**-gamma))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_of_x_does_not_leak_through_alpha_0(bad: float) -> None:
    y = torch.randn(2, 4)
    affine = Affine(1, 4, 4, alpha=0.0, beta=0.5)
    torch.testing.assert_close(affine(torch.full((2, 4), bad), y), 0.5 * y)


@pytest.mark.parametrize("alpha", [1.0, 0.5])
@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_half_precision_model_rounds_the_sum_once(
    dtype: torch.dtype, alpha: float
) -> None:
    affine = Affine(1, 4, 4, alpha=alpha, beta=0.7).to(dtype)
    x, y = torch.randn(2, 100, 4).to(dtype)
    result = affine(x, y).detach()
    kept, added = alpha * x.double(), affine.affine.detach().double() * y.double()
    bound = rounding_bound(kept + added, kept.abs() + added.abs(), dtype)
    assert result.dtype == dtype
    assert_within(result, kept + added, bound)


@pytest.mark.parametrize("transposed", [False, True])
def test_each_feature_has_its_own_weight(transposed: bool) -> None:
    affine = Affine(1, 3, 3, scalar=False)
    affine.load_state_dict({"affine": torch.tensor([0.0, 1.0, 2.0])})
    x, y = torch.zeros(2, 3, 3), torch.ones(2, 3, 3)
    result = affine(x, y, transposed)
    expected = torch.tensor([0.0, 1.0, 2.0]).expand(2, 3, 3)
    assert torch.equal(result.mT if transposed else result, expected)


@pytest.mark.parametrize(
    ("shape", "transposed"), [((2, 5, 1), False), ((1,), False), ((2, 1, 5), True)]
)
def test_weights_do_not_broadcast_to_features_that_are_not_there(
    shape: tuple[int, ...], transposed: bool
) -> None:
    affine = Affine(1, 4, 4, scalar=False)
    with pytest.raises(ValueError, match="4"):
        affine(torch.ones(shape), torch.ones(shape), transposed)


def test_vector_has_no_features_to_transpose() -> None:
    """The result would grow by a dimension."""
    with pytest.raises(ValueError, match="transposed"):
        Affine(1, 4, 4)(torch.ones(4), torch.ones(4), transposed=True)
