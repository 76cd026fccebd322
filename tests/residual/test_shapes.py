"""The shapes of x and y: nothing broadcasts, batches may have any dimensions."""

from functools import partial
from typing import Callable

import pytest
import torch

from espnet_residuals.residual import Feedforward, Residual
from tests.residual.variants import FEATURES, VARIANTS, MakeResidual, every_variant

MISMATCHES = {
    "length": (2, 1, 4),
    "batch": (1, 5, 4),
    "batch of two": (3, 5, 4),
    "vector": (4,),
    "matrix": (5, 4),
    "more dimensions": (1, 2, 5, 4),
    "scalar": (),
}


@every_variant
@pytest.mark.parametrize("y_shape", MISMATCHES.values(), ids=MISMATCHES)
def test_shapes_that_differ_do_not_broadcast(
    make: MakeResidual, y_shape: tuple[int, ...]
) -> None:
    x, y = torch.randn(2, 5, 4), torch.randn(y_shape)
    module = make()
    with pytest.raises(ValueError) as caught:
        module(x, y)
    assert str([2, 5, 4]) in str(caught.value)
    assert str(list(y_shape)) in str(caught.value)
    with pytest.raises(ValueError):
        module(y, x)


@pytest.mark.parametrize(
    "make", [make for make in VARIANTS.values() if make().keeps_input]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_one_feature_does_not_broadcast(make: MakeResidual, transposed: bool) -> None:
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 1)
    if transposed:
        x, y = x.mT, y.mT
    with pytest.raises(ValueError):
        make()(x, y, transposed)
    with pytest.raises(ValueError):
        make()(y, x, transposed)


@pytest.mark.parametrize("cls", [Feedforward, partial(Residual, alpha=0.0)])
def test_only_the_feature_dimension_may_differ_where_x_is_dropped(
    cls: Callable[[int, int, int], Residual],
) -> None:
    """With ``transposed`` the features lie before the length."""
    module = cls(1, 6, 4)
    assert module(torch.ones(2, 5, 6), torch.ones(2, 5, 4)).shape == (2, 5, 4)
    assert module(torch.ones(2, 6, 5), torch.ones(2, 4, 5), True).shape == (2, 4, 5)
    with pytest.raises(ValueError):
        module(torch.ones(2, 6, 5), torch.ones(2, 4, 5))
    with pytest.raises(ValueError):
        module(torch.ones(2, 5, 6), torch.ones(2, 5, 4), True)


@every_variant
@pytest.mark.parametrize("leading", [(), (0,), (3,), (2, 0), (2, 5), (2, 3, 5)])
def test_leading_dimensions_are_free(
    make: MakeResidual, leading: tuple[int, ...]
) -> None:
    x, y = torch.randn(*leading, FEATURES), torch.randn(*leading, FEATURES)
    assert make()(x, y).shape == x.shape
    if leading:
        assert make()(x.mT, y.mT, True).shape == x.mT.shape


@every_variant
def test_batch_is_its_utterances_one_by_one(make: MakeResidual) -> None:
    module = make()
    x, y = torch.randn(3, 5, FEATURES), torch.randn(3, 5, FEATURES)
    one_by_one = [module(*pair) for pair in zip(x, y, strict=True)]
    torch.testing.assert_close(module(x, y), torch.stack(one_by_one))
