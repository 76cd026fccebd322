"""Print the table of docs/upstream.md: ESPnet's kernels before and after correction.

``python -m docs.measure_corrections``, from the root of a checkout; Linux only.
"""

import copy
import logging
from functools import partial
from statistics import median
from typing import Sequence

import torch

from benchmarks.clock import Clock, Step, threads
from benchmarks.memory import peak_memory
from espnet_residuals import fix_state_spaces
from tests.espnet_fixes.recurrence import parameters_of, response

MEASURES = {"nplr": "legs", "diag": "diag-lin"}
D_STATE = 64


def training_step(mode: str, d_model: int, is_fixed: bool, length: int) -> Step:
    """Return a forward and backward pass of a kernel of ESPnet's."""
    from espnet2.asr.state_spaces.s4 import SSKernel

    kernel = SSKernel(d_model, N=D_STATE, mode=mode, measure=MEASURES[mode])
    gradient = torch.randn(1, d_model, length)

    def step() -> None:
        kernel.zero_grad(set_to_none=True)
        kernel(L=length, rate=1.0)[0].backward(gradient)

    if is_fixed:
        fix_state_spaces()  # for as long as this process lives
    return step


def seconds(mode: str, d_model: int, length: int, clock: Clock) -> list[float]:
    """Return the median times before and after."""
    step = training_step(mode, d_model, False, length)
    before = clock.compare({"": step})[""].values
    with fix_state_spaces():
        after = clock.compare({"": step})[""].values
    return [median(before), median(after)]


def nplr_errors(d_model: int, length: int) -> list[float]:
    """Return the errors before and after, relative to the norm of the kernel."""
    from espnet2.asr.state_spaces.s4 import SSKernel

    kernel = SSKernel(d_model, N=D_STATE)
    with torch.no_grad():
        exact = response(parameters_of(kernel.kernel), length)
        before = copy.deepcopy(kernel)(L=length, rate=1.0)[0]
        with fix_state_spaces():
            after = kernel(L=length, rate=1.0)[0]
    return [((got - exact).norm() / exact.norm()).item() for got in (before, after)]


def table(lengths: Sequence[int], d_model: int, clock: Clock) -> list[str]:
    """Measure, and return the lines of the table."""
    lines = ["| mode | length | error | time (ms) | peak memory (MiB) |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for mode in MEASURES:
        for length in lengths:
            error = "the same"
            if mode == "nplr":
                error = "{:.2g} → {:.0e}".format(*nplr_errors(d_model // 16, length))
            steps = [partial(training_step, mode, d_model, f) for f in (False, True)]
            peaks = [peak_memory(step, length) for step in steps]
            times = [1000 * s for s in seconds(mode, d_model, length, clock)]
            figures = [error] + ["{:.0f} → {:.0f}".format(*f) for f in (times, peaks)]
            lines.append(f"| `{mode}` | {length} | {' | '.join(figures)} |")
    return lines


def main() -> None:
    """Print the table at the sizes of the page."""
    logging.disable(logging.WARNING)  # ESPnet's, of kernels that are not installed
    torch.manual_seed(0)
    with threads(1):
        print("\n".join(table((500, 2000), d_model=256, clock=Clock())))


if __name__ == "__main__":
    main()
