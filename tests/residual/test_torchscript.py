"""Every residual function in TorchScript, alone and inside another module."""

import io
from typing import Callable

import pytest
import torch
from torch import Tensor, nn

from espnet_residuals.residual import DecayResidual, Residual
from tests.residual.variants import FEATURES, MakeResidual, every_variant

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")


class Sublayer(nn.Module):
    """A model that holds a residual function, as a user's encoder would."""

    def __init__(self, residual: Residual) -> None:
        super().__init__()
        self.linear = nn.Linear(FEATURES, FEATURES)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Apply the sublayer to (batch, length, features)."""
        y = self.linear(x)
        result = self.residual(x, y)
        transposed = self.residual(x.transpose(1, 2), y.transpose(1, 2), True)
        return result + transposed.transpose(1, 2)


def save_and_load(script: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)


@every_variant
@pytest.mark.parametrize("copy", [lambda script: script, save_and_load])
def test_script_gives_what_the_module_gives(
    make: MakeResidual, copy: Callable[[torch.jit.ScriptModule], torch.jit.ScriptModule]
) -> None:
    """ESPnet's classes take ``transposed`` for a tensor, its Highway fails."""
    module = make()
    script = copy(torch.jit.script(module))
    x, y = torch.randn(2, 5, FEATURES), torch.randn(2, 5, FEATURES)
    for _ in range(3):  # TorchScript rewrites the graph after the first runs.
        torch.testing.assert_close(script(x, y), module(x, y))
        torch.testing.assert_close(script(x, y, False), module(x, y))
        torch.testing.assert_close(script(x.mT, y.mT, True), module(x.mT, y.mT, True))


@every_variant
@pytest.mark.parametrize(
    ("x_dtype", "y_dtype"),
    [
        (torch.bfloat16, torch.bfloat16),
        (torch.float16, torch.float16),
        (torch.float32, torch.bfloat16),
        (torch.float64, torch.float64),
    ],
    ids=str,
)
def test_script_has_the_dtype_and_rounding_of_the_module(
    make: MakeResidual, x_dtype: torch.dtype, y_dtype: torch.dtype
) -> None:
    module = make()
    script = torch.jit.script(module)
    x, y = torch.randn(3, FEATURES).to(x_dtype), torch.randn(3, FEATURES).to(y_dtype)
    for _ in range(3):
        assert torch.equal(script(x, y), module(x, y))
        assert script(x, y).dtype == module(x, y).dtype


@every_variant
def test_gradients_of_a_script_are_those_of_the_module(make: MakeResidual) -> None:
    module = make()
    script = torch.jit.script(module)
    y = torch.randn(2, FEATURES, requires_grad=True)
    x = torch.randn(2, FEATURES)
    (expected,) = torch.autograd.grad(module(x, y).square().sum(), y)
    for _ in range(3):
        (gradient,) = torch.autograd.grad(script(x, y).square().sum(), y)
        torch.testing.assert_close(gradient, expected)


@every_variant
def test_script_refuses_shapes_that_do_not_match(make: MakeResidual) -> None:
    script = torch.jit.script(make())
    for _ in range(3):
        with pytest.raises(torch.jit.Error, match="ValueError: x and y must match"):
            script(torch.randn(2, 5, FEATURES), torch.randn(2, 1, FEATURES))


@every_variant
def test_module_that_holds_one_can_be_scripted(make: MakeResidual) -> None:
    model = Sublayer(make())
    script = save_and_load(torch.jit.script(model))
    x = torch.randn(2, 5, FEATURES)
    for _ in range(3):
        torch.testing.assert_close(script(x), model(x))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@every_variant
def test_module_can_be_traced(make: MakeResidual) -> None:
    module = make().eval()
    x, y = torch.randn(2, 5, FEATURES), torch.randn(2, 5, FEATURES)
    traced = torch.jit.trace(module, (x, y), check_trace=False)
    torch.testing.assert_close(traced(x, y), module(x, y))


def test_one_model_can_hold_many_of_them() -> None:
    """As the stack does: the weights differ from sublayer to sublayer."""
    stack = nn.ModuleList(DecayResidual(i, FEATURES, FEATURES) for i in range(1, 5))
    x, y = torch.randn(3, FEATURES), torch.randn(3, FEATURES)
    for module in stack:
        torch.testing.assert_close(torch.jit.script(module)(x, y), module(x, y))
