"""A remembered kernel is never one of other parameters."""

import copy
import gc
import pickle
from collections.abc import Callable

import pytest
import torch
from torch.nn.utils import parametrize, prune

from espnet_residuals.ssm import S4D, S4DKernel


def change_in_place(kernel: S4DKernel) -> None:
    with torch.no_grad():
        kernel.log_dt.add_(1)


def change_through_data(kernel: S4DKernel) -> None:
    """Leaves no trace in the version counter, as averaging of weights may do."""
    kernel.log_dt.data.add_(1)


def change_by_loading(kernel: S4DKernel) -> None:
    state = kernel.state_dict()
    kernel.load_state_dict({**state, "log_dt": state["log_dt"] + 1})


def change_by_replacing(kernel: S4DKernel) -> None:
    kernel.log_dt = torch.nn.Parameter(kernel.log_dt + 1)


def change_by_pruning(kernel: S4DKernel) -> None:
    """The parameter stays what it was, under another name."""
    prune.random_unstructured(kernel, "C", amount=0.9)


class Doubled(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def change_by_parametrisation(kernel: S4DKernel) -> None:
    parametrize.register_parametrization(kernel, "C", Doubled())


every_change = pytest.mark.parametrize(
    "change",
    [
        change_in_place,
        change_through_data,
        change_by_loading,
        change_by_replacing,
        change_by_pruning,
        change_by_parametrisation,
    ],
)


@every_change
def test_changed_parameters_give_a_new_kernel(
    change: Callable[[S4DKernel], None],
) -> None:
    kernel = S4DKernel(8, 4)
    with torch.no_grad():
        before = kernel(100)
        change(kernel)
        after = kernel(100)
        fresh = copy.deepcopy(kernel)(100)
    assert not torch.allclose(before, after)
    assert torch.equal(after, fresh)


@every_change
def test_changed_parameters_give_a_new_recurrence(
    change: Callable[[S4DKernel], None],
) -> None:
    kernel = S4DKernel(8, 4)
    with torch.no_grad():
        before = kernel.recurrence().piece(5)
        change(kernel)
        after = kernel.recurrence().piece(5)
        fresh = copy.deepcopy(kernel).recurrence().piece(5)
    assert not all(map(torch.equal, before, after))
    for one, other in zip(after, fresh):
        assert torch.equal(one, other)


def test_pruning_acts_in_evaluation_as_in_training() -> None:
    layer, x = S4D(8, d_state=4).eval(), torch.randn(1, 50, 8)
    with torch.no_grad():
        before = layer(x)
        prune.random_unstructured(layer.kernel, "C", amount=0.9)
        after = layer(x)
    assert not torch.allclose(after, before)
    torch.testing.assert_close(after, layer.train()(x).detach())


def bytes_of_tensors() -> int:
    gc.collect()
    kinds = (torch.Tensor, torch.nn.Parameter)
    tensors = [thing for thing in gc.get_objects() if type(thing) in kinds]
    storages = [tensor.untyped_storage() for tensor in tensors]
    return sum({s.data_ptr(): s.nbytes() for s in storages}.values())


def test_the_longest_input_ever_seen_leaves_little_behind() -> None:
    """A kernel for it has 49 MiB."""
    kernel = S4DKernel(64, 2, channels=2)
    before = bytes_of_tensors()
    with torch.no_grad():
        for length in (1_000, 100_000, 2_000):
            kernel(length)
    assert bytes_of_tensors() - before < 10 * 2**20


def test_long_input_does_not_drive_out_a_kernel_of_usual_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = S4DKernel(64, 2, channels=2)
    with torch.no_grad():
        kernel(1_000)
        kernel(100_000)
        monkeypatch.delattr(S4DKernel, "_kernels")
        kernel(1_000)


def test_dtype_change_gives_a_kernel_of_that_dtype() -> None:
    kernel = S4DKernel(8, 4)
    with torch.no_grad():
        assert kernel(100).dtype == torch.float32
        assert kernel.double()(100).dtype == torch.float64


def test_output_does_not_depend_on_what_was_encoded_before() -> None:
    layer = S4D(8, bidirectional=True)
    x = torch.randn(2, 130, 8)
    with torch.no_grad():
        fresh = layer(x)
        for length in (1000, 10, 131):
            layer(torch.randn(1, length, 8))
            torch.testing.assert_close(layer(x), fresh, rtol=1e-5, atol=1e-6)


def test_same_length_computes_the_kernel_once_without_gradients_and_anew_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = S4DKernel(8, 4)
    compute, calls = kernel._kernels, []

    def counted(size: int) -> torch.Tensor:
        calls.append(size)
        return compute(size)

    monkeypatch.setattr(kernel, "_kernels", counted)
    with torch.no_grad():
        for length in (128, 100, 64, 128):
            kernel(length)
    assert calls == [128]
    kernel(128)
    assert calls == [128, 128]


def test_copies_and_pickles_carry_no_remembered_kernel() -> None:
    kernel = S4DKernel(8, 4)
    size = len(pickle.dumps(kernel))
    with torch.no_grad():
        kernel(10_000)
    assert len(pickle.dumps(kernel)) == size
    assert not any("cache" in name for name in kernel.state_dict())
