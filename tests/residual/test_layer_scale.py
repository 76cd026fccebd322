"""The residual connection with a small learned weight for every feature."""

from typing import Optional

import pytest
import torch

from espnet_residuals.residual import LayerScale
from tests.residual.espnet_init import every_init, initialised


@pytest.mark.parametrize("transposed", [False, True])
def test_every_feature_has_its_own_weight(transposed: bool) -> None:
    module = LayerScale(1, 3, 3)
    weights = torch.tensor([0.5, -1.0, 2.0])
    module.scale.data.copy_(weights)
    x, y = torch.randn(2, 5, 3), torch.randn(2, 5, 3)
    expected = x + torch.einsum("blf,f->blf", y, weights)
    if transposed:
        torch.testing.assert_close(module(x.mT, y.mT, True).mT, expected)
    else:
        torch.testing.assert_close(module(x, y), expected)


@pytest.mark.parametrize(
    ("n_layers", "start"),
    [(None, 1e-4), (1, 0.1), (36, 0.1), (37, 1e-5), (48, 1e-5), (50, 1e-6)],
)
def test_start_is_that_of_the_paper_for_blocks_of_two_sublayers(
    n_layers: Optional[int], start: float
) -> None:
    module = LayerScale(1, 3, 3, n_layers=n_layers)
    torch.testing.assert_close(module.scale.detach(), torch.full((3,), start))


def test_start_can_be_given() -> None:
    assert LayerScale(1, 3, 3, init=0.25, n_layers=96).scale.tolist() == [0.25] * 3


@every_init
def test_start_survives_espnets_init(init: str) -> None:
    assert (
        initialised(LayerScale(1, 3, 3, init=0.25), init).scale.tolist() == [0.25] * 3
    )


def test_variance_of_a_deep_stack_at_the_start() -> None:
    x, *branches = torch.randn(33, 20000, 4)
    for y in branches:
        x = LayerScale(1, 4, 4, init=0.25)(x, y)
    assert x.var().item() == pytest.approx(1 + 32 * 0.25**2, abs=0.1)


def test_weights_do_not_broadcast_to_features_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="y must have 4 features, got 1"):
        LayerScale(1, 4, 4)(torch.ones(2, 1), torch.ones(2, 1))
