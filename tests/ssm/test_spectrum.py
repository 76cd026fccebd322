"""Where A starts: the eigenvalue problem of `init: legs` is solved once a size."""

import time
from typing import Iterator

import numpy as np
import pytest
import torch

from espnet_residuals.config import ConfigError
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.ssm import S4D
from espnet_residuals.ssm.spectrum import _legs_frequencies, initial_frequencies


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Return the sizes of the eigenvalue problems that are solved."""
    sizes = []
    solve = np.linalg.eigvalsh

    def count(matrix: np.ndarray) -> np.ndarray:
        sizes.append(len(matrix))
        return solve(matrix)

    monkeypatch.setattr(np.linalg, "eigvalsh", count)
    _legs_frequencies.cache_clear()
    yield sizes
    _legs_frequencies.cache_clear()


def test_deep_stacks_of_legs_solve_one_eigenvalue_problem(solved: list[int]) -> None:
    layer = {"_name_": "s4d", "init": "legs", "d_state": 16}
    for _ in range(2):
        stack = ResidualStack(4, num_blocks=24, layer=layer)
    assert solved == [16]
    first, last = stack.sublayers[0].layer.kernel, stack.sublayers[-1].layer.kernel
    torch.testing.assert_close(first.A_imag, last.A_imag, rtol=0, atol=0)


def test_each_size_has_frequencies_of_its_own(solved: list[int]) -> None:
    sizes = [len(initial_frequencies("legs", d_state)) for d_state in (8, 16, 8)]
    assert sizes == [4, 8, 4] and solved == [8, 16]


def test_what_is_remembered_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        initial_frequencies("legs", 8)[0] = 0
    layer = S4D(4, d_state=8, init="legs")
    with torch.no_grad():
        layer.kernel.A_imag.zero_()
    assert (initial_frequencies("legs", 8) > 0).all()


@pytest.mark.parametrize("d_state", [2050, 4096, 2**31 - 2])
def test_legs_that_takes_too_long_is_refused_at_once(d_state: int) -> None:
    layer = {"_name_": "s4d", "init": "legs", "d_state": d_state}
    start = time.perf_counter()
    with pytest.raises(
        ConfigError, match=r"^encoder_conf\.layer\.d_state: must be at most 2048 "
    ):
        ResidualStack(4, num_blocks=24, layer=layer)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("init", ["lin", "inv"])
def test_other_starts_have_no_such_limit(init: str) -> None:
    assert S4D(1, d_state=4096, init=init).kernel.A_imag.isfinite().all()
