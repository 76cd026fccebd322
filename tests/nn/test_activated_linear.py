"""The forgotten activation against the same computed by autograd alone."""

from typing import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.nn.activated_linear import activated_linear
from espnet_residuals.nn.activation import ACTIVATIONS, Activation
from espnet_residuals.nn.dropout import Dropout


def results(function: Callable[[Tensor], Tensor], linear: nn.Module) -> list[Tensor]:
    """Return output and gradients, from the same random numbers each time."""
    torch.manual_seed(1)
    x = torch.randn(2, 50, 8, requires_grad=True)
    y = function(x)
    gradients = torch.autograd.grad(
        y.square().sum(), [x, *(p for p in linear.parameters())]
    )
    return [y, *gradients]


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("autocast", [False, True])
def test_output_and_gradients_are_those_of_the_plain_formula(
    rate: float, autocast: bool
) -> None:
    linear, dropout = nn.Linear(8, 4), Dropout(rate)
    with torch.autocast("cpu", enabled=autocast):
        ours = results(lambda x: activated_linear(x, F.gelu, linear, dropout), linear)
        plain = results(lambda x: linear(dropout_as_drawn(dropout, x)), linear)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other)


def dropout_as_drawn(dropout: Dropout, x: Tensor) -> Tensor:
    """Apply GELU, and dropout by the random numbers that come next."""
    if not dropout.is_active():
        return F.gelu(x)
    return F.gelu(x) * dropout.draw_mask(x) / (1 - dropout.p)


def test_linear_map_is_computed_once() -> None:
    class Counting(nn.Linear):
        finished = 0

        def forward(self, x: Tensor) -> Tensor:
            y = super().forward(x)
            self.finished += 1
            return y

    linear = Counting(8, 4)
    x = torch.randn(2, 5, 8, requires_grad=True)
    activated_linear(x, F.gelu, linear, Dropout(0.1)).sum().backward()
    assert linear.finished == 1


def test_activation_is_not_stored() -> None:
    stored: dict[int, int] = {}

    def store(tensor: Tensor) -> Tensor:
        stored[tensor.untyped_storage().data_ptr()] = tensor.nbytes
        return tensor

    linear = nn.Linear(8, 4)
    x = torch.randn(2, 500, 8, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(store, lambda tensor: tensor):
        y = activated_linear(x, F.gelu, linear, Dropout(0.1))
    y.sum().backward()
    assert sum(stored.values()) <= x.nbytes + x.numel() + linear.weight.nbytes


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_every_activation_is_forgotten_and_computed_again(
    activation: Activation,
) -> None:
    linear = nn.Linear(8, 4)
    ours = results(lambda x: activated_linear(x, activation, linear), linear)
    plain = results(lambda x: linear(activation(x)), linear)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other)


def test_evaluation_gives_the_plain_formula() -> None:
    linear, x = nn.Linear(8, 4), torch.randn(2, 5, 8)
    y = activated_linear(x, F.gelu, linear, Dropout(0.5).eval())
    torch.testing.assert_close(y, linear(F.gelu(x)))
