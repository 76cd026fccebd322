"""The residual connections with a learned side for the stream."""

import math
from typing import Optional

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


@pytest.mark.parametrize("n_layers", [None, 1, 24])
def test_map_into_the_low_rank_starts_as_xavier_says_divided_by_the_depth(
    n_layers: Optional[int],
) -> None:
    laurel = LaurelLR(1, 64, 64, rank=8, n_layers=n_layers)
    bound = math.sqrt(6 / 72) / (n_layers or 1)
    assert 0.95 * bound < laurel.A.weight.abs().max().item() <= bound


def test_start_in_a_stack_survives_espnets_init() -> None:
    laurel = initialised(LaurelLR(1, 64, 64, rank=8, n_layers=24), "xavier_uniform")
    assert laurel.A.weight.abs().max().item() <= math.sqrt(6 / 72) / 24


def test_first_step_of_adam_leaves_the_stream_of_a_deep_stack() -> None:
    """Undivided, all maps together change a twentieth of its power and more."""
    x, n_layers = torch.randn(2, 50, 48), 24
    stack = [LaurelLR(i, 48, 48, n_layers=n_layers) for i in range(1, n_layers + 1)]
    stream = x
    for laurel in stack:
        # Adam moves every number by the learning rate, in directions that agree.
        nn.init.constant_(laurel.B.weight, 0.012)
        stream = laurel(stream, torch.zeros_like(stream))
    assert (stream - x).square().mean() < 0.01 * x.square().mean()


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
