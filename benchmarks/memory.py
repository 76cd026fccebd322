"""Peak memory of one step, as the operating system sees it.

Each step runs in a fresh process, since a process that has done other work holds freed
memory which a step would use unseen. There, ``VmHWM`` of ``/proc/self/status`` is the
largest memory that the process has held. (``getrusage`` gives the same for most
processes, but a child's counts what its parent held.) The memory of the imports and of
the model, taken just before the step, is subtracted.

By default the C library keeps freed blocks for later, in holes of any size, so that
the peak depends on the order of events. Here it hands every block of 64 KiB or more
back at once. The peaks then agree with the allocations that torch's profiler counts,
and contain what torch does not count as well.
"""

import os
import re
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Callable, Iterator, TypeVar

import torch

from benchmarks.clock import Step

T = TypeVar("T")

# Long enough for every layer, too short to need memory.
WARM_UP_LENGTH = 16


def peak_memory(build: Callable[[int], Step], length: int) -> float:
    """Measure the memory of one step.

    Args:
        build (Callable[[int], Step]): Makes the step for so many frames; what a fresh
            process can import by name, or a ``functools.partial`` of that.
        length (int): Number of frames.

    Returns:
        float: Peak memory beyond what the process held before the step, in MiB.
    """
    return in_fresh_process(_peak_of_step, build, length)


def in_fresh_process(function: Callable[..., T], *args: Any) -> T:
    """Call a function in a new process whose memory can be read exactly.

    Args:
        function (Callable[..., T]): What a fresh process can import by name.
        *args (Any): Its arguments.

    Returns:
        T: What it returns.
    """
    with (
        _environment("MALLOC_MMAP_THRESHOLD_", str(64 * 1024)),
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        return pool.submit(function, *args).result()


class PeakMemory:
    """Follows the memory of this process from now on."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM falls back to VmRSS
        self._before = _status("VmRSS")

    def mebibytes(self) -> float:
        """Return the peak so far, beyond the memory at the start."""
        return (_status("VmHWM") - self._before) / 1024


def _peak_of_step(build: Callable[[int], Step], length: int) -> float:
    torch.set_num_threads(1)
    build(WARM_UP_LENGTH)()
    step = build(length)
    peak = PeakMemory()
    step()
    return peak.mebibytes()


def _status(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    match = re.search(rf"^{field}:\s+(\d+) kB$", text, flags=re.MULTILINE)
    assert match is not None, f"no {field} in /proc/self/status"
    return int(match[1])


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
