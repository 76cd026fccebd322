"""The residual connection whose branch starts switched off."""

import pytest
import torch

from espnet_residuals.residual import ReZero, registry
from tests.residual.espnet_init import every_init, initialised


def test_result_is_the_formula() -> None:
    rezero = ReZero(1, 4, 4)
    rezero.scale.data.fill_(-0.3)
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    torch.testing.assert_close(rezero(x, y), x - 0.3 * y)


def test_both_papers_name_one_class() -> None:
    assert registry["rezero"] is registry["skipinit"] is ReZero


def test_stack_starts_as_the_identity_and_learns_the_weights_first() -> None:
    layers = [torch.nn.Linear(4, 4) for _ in range(20)]
    rezeros = [ReZero(i, 4, 4) for i in range(1, 21)]
    x = start = torch.randn(2, 5, 4)
    for layer, rezero in zip(layers, rezeros, strict=True):
        x = rezero(x, layer(x))
    assert torch.equal(x, start)
    x.square().sum().backward()
    assert all(rezero.scale.grad.any() for rezero in rezeros)
    assert not any(layer.weight.grad.any() for layer in layers)


@every_init
def test_start_survives_espnets_init(init: str) -> None:
    assert initialised(ReZero(1, 4, 4), init).scale.tolist() == [0.0]


@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_variance_is_that_of_independent_parts(scale: float) -> None:
    rezero = ReZero(1, 4, 4)
    rezero.scale.data.fill_(scale)
    x, y = torch.randn(2, 50000, 4)
    assert rezero(x, y).var().item() == pytest.approx(1 + scale**2, abs=0.03)
