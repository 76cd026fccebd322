"""Our residual functions against ESPnet's, on everything that ESPnet's accept."""

from typing import Any, NamedTuple

import espnet2.asr.state_spaces.residual as espnet
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import espnet_residuals.residual as own
from tests.residual.rounding import (
    DTYPE_PAIRS,
    FULL,
    K_SIDE_BY_SIDE,
    assert_within,
    normal,
    rounding_bound,
    scales,
    seeds,
    weights,
)

SUMS = ("Residual", "Affine", "Feedforward", "DecayResidual")
OPTIONS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Residual": st.fixed_dictionaries({}, optional={"alpha": weights, "beta": weights}),
    "Affine": st.fixed_dictionaries(
        {},
        optional={
            "alpha": weights,
            "beta": weights,
            "scalar": st.booleans(),
            "gamma": st.floats(-1.0, 1.0),
        },
    ),
    "Feedforward": st.just({}),
    "Highway": st.fixed_dictionaries(
        {}, optional={"scaling_correction": st.booleans(), "elemwise": st.booleans()}
    ),
    "DecayResidual": st.fixed_dictionaries(
        {}, optional={"power": st.floats(0.0, 3.0), "l2": st.booleans()}
    ),
}


class Inputs(NamedTuple):
    """What a residual function is built and called with."""

    i_layer: int
    features: int
    shape: list[int]
    transposed: bool
    seed: int
    x_scale: float
    y_scale: float

    def tensor(self, dtype: torch.dtype, number: int) -> Tensor:
        """Return x (0), y (1) or a gradient of the result (2)."""
        scale = (self.x_scale, self.y_scale, 1.0)[number]
        return normal(self.shape, dtype, self.seed + number, scale)


@st.composite
def inputs(draw: st.DrawFn) -> Inputs:
    features = draw(st.integers(1, 9))
    leading = draw(st.lists(st.integers(0, 5), max_size=3))
    transposed = bool(leading) and draw(st.booleans())
    shape = [*leading, features]
    if transposed:
        shape[-2:] = shape[:-3:-1]
    return Inputs(
        i_layer=draw(st.integers(1, 96)),
        features=features,
        shape=shape,
        transposed=transposed,
        seed=draw(seeds),
        x_scale=draw(scales),
        y_scale=draw(scales),
    )


def build_both(name: str, given: Inputs, options: dict[str, Any]) -> tuple[Any, Any]:
    """Return our module and ESPnet's, with the same parameters."""
    context = (given.i_layer, given.features, given.features)
    ours = getattr(own, name)(*context, **options)
    theirs = getattr(espnet, name)(*context, **options)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def call_espnet(module: Any, x: Tensor, y: Tensor, transposed: bool) -> Tensor:
    """Call ESPnet's module; its Highway does not know ``transposed``."""
    if transposed and isinstance(module, espnet.Highway):
        return module(x.mT, y.mT).mT
    return module(x, y, transposed)


def sizes(module: Any, x: Tensor, y: Tensor, transposed: bool) -> tuple[Tensor, Tensor]:
    """Return the float64 absolute values of alpha x and beta y."""
    weight = module.beta
    if isinstance(module, own.Affine):
        weight = module.affine.detach().double()
        weight = weight.unsqueeze(-1) if transposed else weight
    return abs(module.alpha) * x.double().abs(), (weight * y.double()).abs()


@pytest.mark.parametrize("dtype", FULL, ids=str)
@pytest.mark.parametrize("name", SUMS)
@given(data=st.data(), given_inputs=inputs())
def test_forward_agrees_with_espnet_in_the_same_precision(
    name: str, dtype: torch.dtype, data: st.DataObject, given_inputs: Inputs
) -> None:
    ours, theirs = build_both(name, given_inputs, data.draw(OPTIONS[name]))
    x, y = given_inputs.tensor(dtype, 0), given_inputs.tensor(dtype, 1)
    transposed = given_inputs.transposed
    x_size, y_size = sizes(ours, x, y, transposed)
    bound = K_SIDE_BY_SIDE * torch.finfo(dtype).eps * (x_size + y_size)
    assert_within(
        ours(x, y, transposed), call_espnet(theirs, x, y, transposed).double(), bound
    )


@pytest.mark.parametrize(("x_dtype", "y_dtype"), DTYPE_PAIRS, ids=str)
@pytest.mark.parametrize("name", SUMS)
@given(data=st.data(), given_inputs=inputs())
def test_result_and_gradients_are_those_of_espnet_in_float64_rounded_once(
    name: str,
    x_dtype: torch.dtype,
    y_dtype: torch.dtype,
    data: st.DataObject,
    given_inputs: Inputs,
) -> None:
    ours, theirs = build_both(name, given_inputs, data.draw(OPTIONS[name]))
    transposed = given_inputs.transposed
    x = given_inputs.tensor(x_dtype, 0).requires_grad_()
    y = given_inputs.tensor(y_dtype, 1).requires_grad_()
    result = ours(x, y, transposed)
    gradient = given_inputs.tensor(result.dtype, 2)
    x_grad, y_grad = torch.autograd.grad(
        result, (x, y), gradient, allow_unused=True, materialize_grads=True
    )

    x64, y64 = (
        x.detach().double().requires_grad_(),
        y.detach().double().requires_grad_(),
    )
    truth = call_espnet(theirs.double(), x64, y64, transposed)
    x_grad_truth, y_grad_truth = torch.autograd.grad(
        truth, (x64, y64), gradient.double(), allow_unused=True, materialize_grads=True
    )

    x_size, y_size = sizes(ours, x.detach(), y.detach(), transposed)
    assert_within(result, truth, rounding_bound(truth, x_size + y_size, result.dtype))
    for own_grad, true_grad, tensor in (
        (x_grad, x_grad_truth, x),
        (y_grad, y_grad_truth, y),
    ):
        assert own_grad.dtype == tensor.dtype
        bound = rounding_bound(true_grad, true_grad.abs(), tensor.dtype)
        assert_within(own_grad, true_grad, bound)


@given(options=OPTIONS["Affine"], given_inputs=inputs())
def test_gradient_of_the_learned_weight_agrees_with_espnet(
    options: dict[str, Any], given_inputs: Inputs
) -> None:
    ours, theirs = build_both("Affine", given_inputs, options)
    x, y, gradient = (given_inputs.tensor(torch.float64, n) for n in range(3))
    transposed = given_inputs.transposed
    for module in (ours.double(), theirs.double()):
        module(x, y, transposed).backward(gradient)
    size = (gradient * y).abs().sum()
    bound = 2 * gradient.numel() * torch.finfo(torch.float64).eps * size
    assert_within(ours.affine.grad, theirs.affine.grad, bound)


@pytest.mark.parametrize("dtype", FULL, ids=str)
@given(options=OPTIONS["Highway"], given_inputs=inputs())
def test_highway_agrees_with_espnet_to_the_tolerance_of_its_matmul(
    dtype: torch.dtype, options: dict[str, Any], given_inputs: Inputs
) -> None:
    """Forward and every gradient, ``transposed`` or not."""
    ours, theirs = build_both("Highway", given_inputs, options)
    x, y, gradient = (given_inputs.tensor(dtype, n) for n in range(3))
    transposed = given_inputs.transposed
    results = []
    for module in (ours.to(dtype), theirs.to(dtype)):
        x_leaf, y_leaf = x.clone().requires_grad_(), y.clone().requires_grad_()
        result = call_espnet(module, x_leaf, y_leaf, transposed)
        if module is ours:
            result = ours(x_leaf, y_leaf, transposed)
        leaves = [x_leaf, y_leaf, *module.parameters()]
        results.append([result, *torch.autograd.grad(result, leaves, gradient)])
    for own_value, espnet_value in zip(*results, strict=True):
        scale = max(1.0, given_inputs.x_scale, given_inputs.y_scale) ** 2
        tolerance = 16 * given_inputs.features * torch.finfo(dtype).eps
        torch.testing.assert_close(
            own_value, espnet_value, rtol=tolerance, atol=tolerance * scale
        )


@pytest.mark.parametrize("name", OPTIONS)
@given(data=st.data(), given_inputs=inputs())
def test_state_dict_loads_both_ways(
    name: str, data: st.DataObject, given_inputs: Inputs
) -> None:
    ours, theirs = build_both(name, given_inputs, data.draw(OPTIONS[name]))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter)
    ours.load_state_dict(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)


@given(options=OPTIONS["Affine"], given_inputs=inputs())
def test_learned_weight_starts_as_in_espnet(
    options: dict[str, Any], given_inputs: Inputs
) -> None:
    context = (given_inputs.i_layer, given_inputs.features, given_inputs.features)
    torch.testing.assert_close(
        own.Affine(*context, **options).affine,
        espnet.Affine(*context, **options).affine,
    )


def test_highway_starts_from_the_same_random_numbers_as_espnet() -> None:
    torch.manual_seed(1)
    ours = own.Highway(1, 8, 8)
    torch.manual_seed(1)
    theirs = espnet.Highway(1, 8, 8)
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value)
