"""The residual connections with a learned side for the stream."""

import math

import pytest
import torch
from torch import nn

from espnet_residuals.residual import LaurelLR, LaurelRW, Residual
from tests.residual.espnet_init import every_init, initialised


def test_weights_stand_where_the_paper_puts_them() -> None:
    laurel = LaurelRW(1, 4, 4)
    laurel.x_scale.data.fill_(0.25)
    laurel.y_scale.data.fill_(-2.0)
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    torch.testing.assert_close(laurel(x, y), 0.25 * x - 2.0 * y)


@pytest.mark.parametrize("transposed", [False, True])
def test_map_of_low_rank_is_added_to_the_identity(transposed: bool) -> None:
    laurel = LaurelLR(1, 6, 6, rank=2)
    nn.init.normal_(laurel.B.weight)
    product = (laurel.B.weight @ laurel.A.weight).detach()
    assert torch.linalg.matrix_rank(product) == 2
    x, y = torch.randn(2, 5, 6), torch.randn(2, 5, 6)
    expected = y + torch.einsum("fg,blg->blf", torch.eye(6) + product, x)
    result = laurel(x.mT, y.mT, True).mT if transposed else laurel(x, y)
    torch.testing.assert_close(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cls", [LaurelRW, LaurelLR])
def test_start_is_the_plain_residual_connection(cls: type[Residual]) -> None:
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    torch.testing.assert_close(cls(1, 4, 4)(x, y), x + y)


def test_map_into_the_low_rank_starts_as_xavier_says() -> None:
    largest = LaurelLR(1, 64, 64, rank=8).A.weight.abs().max().item()
    assert 0.95 * math.sqrt(6 / 72) < largest <= math.sqrt(6 / 72)


@every_init
@pytest.mark.parametrize("cls", [LaurelRW, LaurelLR])
def test_start_survives_espnets_init(cls: type[Residual], init: str) -> None:
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    torch.testing.assert_close(initialised(cls(1, 4, 4), init)(x, y), x + y)


def test_both_matrices_learn_from_the_second_step_on() -> None:
    laurel = LaurelLR(1, 4, 4, rank=2)
    optimizer = torch.optim.SGD(laurel.parameters(), lr=0.1)
    x, y, moved = torch.randn(2, 5, 4), torch.randn(2, 5, 4), []
    for _ in range(2):
        optimizer.zero_grad()
        laurel(x, y).square().sum().backward()
        grads = laurel.A.weight.grad, laurel.B.weight.grad
        moved.append(tuple(bool(grad.any()) for grad in grads))
        optimizer.step()
    assert moved == [(False, True), (True, True)]


def test_variance_is_that_of_independent_parts() -> None:
    laurel = LaurelRW(1, 4, 4)
    laurel.x_scale.data.fill_(0.6)
    laurel.y_scale.data.fill_(0.5)
    x, y = torch.randn(2, 50000, 4)
    assert laurel(x, y).var().item() == pytest.approx(0.6**2 + 0.5**2, abs=0.02)
