"""Every residual function under torch.compile and torch.export."""

from typing import Any

import pytest
import torch

from espnet_residuals.residual import DecayResidual
from tests.residual.rounding import HALF, assert_within, rounding_bound
from tests.residual.variants import FEATURES, MakeResidual, every_variant


def assert_compiles(module: torch.nn.Module, **options: Any) -> None:
    """Compare with the module, for two lengths, transposed or not, with gradients."""
    compiled = torch.compile(module, fullgraph=True, **options)
    for length in (5, 7):
        x = torch.randn(2, length, FEATURES)
        y = torch.randn(2, length, FEATURES, requires_grad=True)
        torch.testing.assert_close(compiled(x, y), module(x, y))
        (expected,) = torch.autograd.grad(module(x, y).square().sum(), y)
        (gradient,) = torch.autograd.grad(compiled(x, y).square().sum(), y)
        torch.testing.assert_close(gradient, expected)
    x, y = torch.randn(2, FEATURES, 6), torch.randn(2, FEATURES, 6)
    torch.testing.assert_close(compiled(x, y, True), module(x, y, True))


@pytest.fixture(autouse=True)
def _forget_compiled_code() -> None:
    torch.compiler.reset()


@every_variant
def test_graph_has_no_break(make: MakeResidual) -> None:
    assert_compiles(make(), backend="eager")


@pytest.mark.long
def test_compiled_code_gives_what_the_module_gives() -> None:
    assert_compiles(DecayResidual(3, FEATURES, FEATURES))


@pytest.mark.long
@every_variant
def test_every_compiled_code_gives_what_the_module_gives(make: MakeResidual) -> None:
    assert_compiles(make())


@every_variant
def test_compiled_code_refuses_shapes_that_do_not_match(make: MakeResidual) -> None:
    compiled = torch.compile(make(), backend="eager")
    with pytest.raises(ValueError, match="x and y must match"):
        compiled(torch.randn(2, 5, FEATURES), torch.randn(2, 1, FEATURES))


@pytest.mark.parametrize(
    "backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.long)]
)
@pytest.mark.parametrize(
    ("x_dtype", "y_dtype"),
    [*((dtype, dtype) for dtype in HALF), (torch.float32, torch.bfloat16)],
    ids=str,
)
@pytest.mark.parametrize("l2", [True, False])
def test_compiled_half_precision_is_rounded_once(
    l2: bool, x_dtype: torch.dtype, y_dtype: torch.dtype, backend: str
) -> None:
    module = DecayResidual(3, FEATURES, FEATURES, l2=l2)
    x, y = torch.randn(50, FEATURES).to(x_dtype), torch.randn(50, FEATURES).to(y_dtype)
    result = torch.compile(module, fullgraph=True, backend=backend)(x, y)
    kept, added = module.alpha * x.double(), module.beta * y.double()
    bound = rounding_bound(kept + added, kept.abs() + added.abs(), result.dtype)
    assert result.dtype == torch.promote_types(x_dtype, y_dtype)
    assert_within(result, kept + added, bound)


@every_variant
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("strict", [False, True])
def test_exported_program_takes_any_length(
    make: MakeResidual, transposed: bool, strict: bool
) -> None:
    module = make()
    length = torch.export.Dim("length", min=2, max=4096)
    dimension = 2 if transposed else 1
    shapes = {"x": {dimension: length}, "y": {dimension: length}, "transposed": None}

    def inputs(size: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = torch.randn(2, size, FEATURES), torch.randn(2, size, FEATURES)
        return (x.mT, y.mT) if transposed else (x, y)

    program = torch.export.export(
        module, (*inputs(5), transposed), dynamic_shapes=shapes, strict=strict
    )
    for size in (2, 9, 300):
        x, y = inputs(size)
        torch.testing.assert_close(
            program.module()(x, y, transposed), module(x, y, transposed)
        )


@pytest.mark.parametrize("l2", [True, False])
def test_compiler_sees_plain_arithmetic(l2: bool) -> None:
    """It fuses that with its neighbours; a change in place or torch.lerp hinders it."""
    module = DecayResidual(3, FEATURES, FEATURES, l2=l2)
    x = torch.randn(2, FEATURES)
    graph = torch.export.export(module, (x, x)).run_decompositions().graph
    operations = {
        str(node.target) for node in graph.nodes if node.op == "call_function"
    }
    operations.discard("aten._assert_tensor_metadata.default")
    assert operations == {"aten.mul.Tensor", "aten.add.Tensor"}


@every_variant
def test_module_runs_on_the_meta_device(make: MakeResidual) -> None:
    with torch.device("meta"):
        module = make()
        x, y = torch.empty(2, 5, FEATURES), torch.empty(2, 5, FEATURES)
    for result in (module(x, y), module(x.mT, y.mT, True).mT):
        assert result.is_meta and result.shape == (2, 5, FEATURES)
