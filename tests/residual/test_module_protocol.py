"""What every torch module must stand: printing, pickling, copying, moving."""

import pickle
from copy import deepcopy
from typing import Callable

import pytest
import torch
from torch import nn

from espnet_residuals.residual import (
    Affine,
    DecayResidual,
    Feedforward,
    Highway,
    Residual,
)
from tests.residual.variants import FEATURES, VARIANTS, MakeResidual, every_variant


@every_variant
@pytest.mark.parametrize(
    "copy", [deepcopy, lambda module: pickle.loads(pickle.dumps(module))]
)
def test_copy_is_equal_and_independent(
    make: MakeResidual, copy: Callable[[nn.Module], nn.Module]
) -> None:
    module = make()
    twin = copy(module)
    x, y = torch.randn(2, FEATURES), torch.randn(2, FEATURES)
    expected = module(x, y)
    assert repr(twin) == repr(module)
    assert torch.equal(twin(x, y), expected)
    for parameter in module.parameters():
        nn.init.constant_(parameter, 3.0)
    assert torch.equal(twin(x, y), expected)


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        (
            Residual(3, 8, 8, beta=0.5),
            ["i_layer=3", "d_model=8", "alpha=1", "beta=0.5"],
        ),
        (DecayResidual(4, 8, 8, offset=1), ["i_layer=4", "beta=0.4472", "offset=1"]),
        (DecayResidual(4, 8, 8, l2=False), ["alpha=0.5", "power=0.5", "l2=False"]),
        (Affine(3, 8, 8, gamma=0.5), ["alpha=1", "scalar=True", "gamma=0.5"]),
        (Highway(3, 8, 8, elemwise=True), ["d_model=8", "elemwise=True"]),
        (Feedforward(None, 8, 8), ["d_model=8"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_settings_are_printed(module: nn.Module, shown: list[str]) -> None:
    for setting in shown:
        assert setting in repr(module)


def test_variants_print_differently() -> None:
    assert len({repr(make()) for make in VARIANTS.values()}) == len(VARIANTS)


@pytest.mark.parametrize(
    ("module", "keys"),
    [
        (Residual(1, 8, 8), []),
        (Feedforward(1, 8, 8), []),
        (DecayResidual(1, 8, 8), []),
        (Affine(1, 8, 8), ["affine"]),
        (Highway(1, 8, 8), ["Wx.weight", "Wx.bias", "Wy.weight", "Wy.bias"]),
        (Highway(1, 8, 8, elemwise=True), ["Wy", "Wx.weight", "Wx.bias"]),
    ],
    ids=repr,
)
def test_checkpoint_has_the_keys_of_espnet(module: nn.Module, keys: list[str]) -> None:
    assert list(module.state_dict()) == keys


@every_variant
def test_moving_to_another_dtype_changes_no_constant(make: MakeResidual) -> None:
    module = make()
    weights = (module.alpha, module.beta)
    module.half().double()
    assert (module.alpha, module.beta) == weights
    assert all(isinstance(weight, float) for weight in weights)


@every_variant
def test_every_parameter_gets_a_gradient(make: MakeResidual) -> None:
    """DDP stops for a parameter that is not used.

    At the start a factor of 0 may keep a gradient at 0, so the parameters move first.
    """
    module = make()
    for parameter in module.parameters():
        parameter.data.add_(torch.rand_like(parameter) / 10)
    x, y = torch.randn(2, 5, FEATURES), torch.randn(2, 5, FEATURES, requires_grad=True)
    module(x, y).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())
