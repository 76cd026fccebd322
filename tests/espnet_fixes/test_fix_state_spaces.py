"""ESPnet's S4 layer after ``fix_state_spaces``, and how wrong or dear it is without."""

import copy
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from espnet2.asr.state_spaces import s4
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from espnet_residuals import fix_state_spaces
from espnet_residuals.espnet_fixes import fix
from tests.espnet_fixes.recurrence import parameters_of, response

MEASURES = [("legs", 1), ("fout", 1), ("legt", 2), ("legs", 3)]
LENGTHS = [1, 2, 3, 64, 101]


def compute(kernel: nn.Module, length: int) -> Tensor:
    return kernel(L=length, rate=1.0)[0]


def diagonal_kernel() -> nn.Module:
    return s4.SSKernel(16, N=8, mode="diag", measure="diag-lin", disc="zoh", channels=2)


def relative_error(got: Tensor, exact: Tensor) -> float:
    return ((got - exact).abs().max() / exact.abs().max()).item()


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("measure, rank", MEASURES)
def test_nplr_kernel_is_its_recurrence(measure: str, rank: int, length: int) -> None:
    kernel = s4.SSKernel(3, N=8, measure=measure, rank=rank, channels=2).double()
    exact = response(parameters_of(kernel.kernel), length)
    assert relative_error(compute(kernel, length), exact) < 1e-8


@pytest.mark.parametrize("measure, rank", MEASURES)
def test_nplr_kernel_is_another_without_the_fix(measure: str, rank: int) -> None:
    kernel = s4.SSKernel(3, N=8, measure=measure, rank=rank, channels=2).double()
    exact = response(parameters_of(kernel.kernel), 64)
    assert relative_error(compute(kernel, 64), exact) > 0.3


@pytest.mark.usefixtures("fixed")
def test_nplr_kernel_stays_its_recurrence_while_inputs_grow() -> None:
    kernel = s4.SSKernel(3, N=8).double()
    parameters = parameters_of(kernel.kernel)
    for length in (5, 8, 100, 7):
        exact = response(parameters, length)
        assert relative_error(compute(kernel, length), exact) < 1e-8


@pytest.mark.parametrize("length", [64, pytest.param(16_000, marks=pytest.mark.long)])
def test_float32_is_precise_at_every_length(length: int) -> None:
    kernel = s4.SSKernel(2, N=64)
    with torch.no_grad(), fix_state_spaces():
        exact = response(parameters_of(kernel.kernel), length)
        assert relative_error(compute(kernel, length), exact) < 1e-5


def test_espnets_nodes_alone_spoil_long_kernels() -> None:
    kernel, theirs = s4.SSKernel(2, N=64), s4.SSKernelNPLR._omega
    with torch.no_grad(), fix_state_spaces():
        exact = response(parameters_of(kernel.kernel), 4_000)
        assert relative_error(compute(kernel, 4_000), exact) < 1e-5
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(s4.SSKernelNPLR, "_omega", theirs)
            assert relative_error(compute(kernel, 4_000), exact) > 1e-4


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("length", [3, 200])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_nplr_gradients_are_those_of_the_recurrence(rank: int, length: int) -> None:
    kernel = s4.SSKernel(2, N=8, rank=rank).double()
    compute(kernel, length)  # prepares C
    named = parameters_of(kernel.kernel)
    weights = torch.randn(1, 2, length, dtype=torch.float64)
    (compute(kernel, length) * weights).sum().backward()
    (response(named, length, prepared=length) * weights).sum().backward()
    for name, parameter in kernel.kernel.named_parameters():
        error = (parameter.grad - named[name].grad).norm() / named[name].grad.norm()
        assert error < 1e-7, f"gradient of {name}"


def test_nplr_gradients_are_finite_in_float32_at_every_length() -> None:
    with fix_state_spaces():
        kernel = s4.SSKernel(2, N=64)
        for length in (1, 2, 3, 64, 501, 4_000):
            kernel.zero_grad()
            compute(kernel, length).square().sum().backward()
            assert all(p.grad.isfinite().all() for p in kernel.parameters())


@pytest.mark.parametrize("is_fixed", [False, True])
def test_layer_gives_whole_what_it_gives_step_by_step(is_fixed: bool) -> None:
    layer = s4.S4(8, transposed=False).eval()
    x = torch.randn(2, 40, 8)
    with torch.no_grad(), fix_state_spaces() if is_fixed else nullcontext():
        whole, _ = layer(x)
        layer.setup_step()
        state, steps = layer.default_state(2), []
        for frame in x.unbind(1):
            y, state = layer.step(frame, state)
            steps.append(y)
    error = relative_error(whole, torch.stack(steps, dim=1))
    assert error < 1e-5 if is_fixed else error > 0.1


@pytest.mark.parametrize("length", [1, 63, 64, 65, 500])
@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
def test_diagonal_kernel_and_gradients_are_espnets(
    discretization: str, length: int
) -> None:
    theirs = s4.SSKernel(
        4, N=8, mode="diag", measure="diag-lin", disc=discretization, channels=2
    ).double()
    ours = copy.deepcopy(theirs)
    weights = torch.randn(2, 4, length, dtype=torch.float64)
    expected = compute(theirs, length)
    (expected * weights).sum().backward()
    with fix_state_spaces():
        got = compute(ours, length)
        (got * weights).sum().backward()
    assert relative_error(got, expected) < 1e-12
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters()):
        if other.grad is not None:
            torch.testing.assert_close(mine.grad, other.grad, msg=name)


class LargestTensor(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation makes."""

    n_bytes = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for made in tree_leaves(result):
            if isinstance(made, Tensor):
                self.n_bytes = max(self.n_bytes, made.untyped_storage().nbytes())
        return result


@pytest.mark.parametrize(
    "mode, measure, share", [("nplr", "legs", 0.3), ("diag", "diag-lin", 0.1)]
)
def test_no_tensor_is_as_large_as_espnets_tables(
    mode: str, measure: str, share: float
) -> None:
    kernel = s4.SSKernel(16, N=64, mode=mode, measure=measure)
    compute(kernel, 2_000)  # prepares C

    def largest() -> int:
        with LargestTensor() as mode:
            compute(kernel, 2_000).sum().backward()
        return mode.n_bytes

    theirs = largest()
    with fix_state_spaces():
        assert largest() <= share * theirs


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("mode, measure", [("nplr", "legs"), ("diag", "diag-lin")])
def test_autocast_does_not_reach_the_kernel(mode: str, measure: str) -> None:
    kernel = s4.SSKernel(4, N=8, mode=mode, measure=measure)
    expected = compute(kernel, 100)
    with torch.autocast("cpu", torch.bfloat16):
        got = compute(kernel, 100)
    assert got.dtype == torch.float32
    assert relative_error(got, expected) < 1e-6


def without_gradient(kernel: nn.Module) -> list[str]:
    compute(kernel, 8).sum().backward()
    return [
        n for n, p in kernel.named_parameters() if p.requires_grad and p.grad is None
    ]


def test_diagonal_kernel_waits_for_no_gradient_and_keeps_its_checkpoint() -> None:
    theirs = diagonal_kernel()
    assert without_gradient(theirs) == ["kernel.A"]
    with fix_state_spaces():
        ours = diagonal_kernel()
    assert without_gradient(ours) == []
    ours.load_state_dict(theirs.state_dict())


def test_second_call_changes_nothing_and_undoing_it_neither() -> None:
    replaced = fix._replacements()
    with fix_state_spaces():
        with fix_state_spaces():
            pass
        assert all(getattr(owner, name) is ours for owner, name, ours in replaced)


def test_undoing_puts_espnets_own_back() -> None:
    replaced = fix._replacements()
    before = [getattr(owner, name) for owner, name, _ in replaced]
    undo = fix_state_spaces()
    assert all(getattr(owner, name) is ours for owner, name, ours in replaced)
    undo.close()
    assert [getattr(owner, name) for owner, name, _ in replaced] == before


def test_espnet_of_another_kind_is_refused_and_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced = fix._replacements()
    before = [getattr(owner, name) for owner, name, _ in replaced]
    monkeypatch.setattr(fix, "kernel_error", lambda: 0.5)
    with pytest.raises(RuntimeError, match="does not know this ESPnet.*by 0.5 of"):
        fix_state_spaces()
    assert [getattr(owner, name) for owner, name, _ in replaced] == before


def test_espnet_that_computes_a_right_kernel_keeps_its_cauchy_sum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    theirs = s4.cauchy_naive
    monkeypatch.setattr(fix, "kernel_error", lambda: 1e-6)
    with fix_state_spaces():
        assert s4.cauchy_naive is theirs
