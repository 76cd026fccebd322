"""The interface of the measurements, and the rows that most of them make."""

from abc import ABC, abstractmethod
from typing import Callable, Iterable, Optional

import torch

from benchmarks.clock import Clock, Step
from benchmarks.memory import peak_memory
from benchmarks.result import Row, Sample, Target

OURS = "espnet_residuals"


class Measurement(ABC):
    """One question, and the sizes to ask it at as attributes."""

    @abstractmethod
    def times(self, clock: Clock) -> Iterable[Row]:
        """Take the times; called with one thread and again with all.

        Args:
            clock (Clock): Times candidates side by side.

        Returns:
            Iterable[Row]: The rows, one by one as they are measured.
        """

    def once(self, clock: Clock) -> Iterable[Row]:
        """Measure what does not depend on the number of threads, with one.

        Args:
            clock (Clock): Times candidates side by side.

        Returns:
            Iterable[Row]: The rows, one by one as they are measured.
        """
        return ()


def time_row(
    what: str, ours: Sample, other: Optional[Sample], target: Target, **case: int
) -> Row:
    """Return a row of seconds, taken with the present number of threads."""
    threads = torch.get_num_threads()
    return Row(what, "time", "s", threads, ours, other, target, case)


def measure_peak(name: str, build: Callable[[int], Step], length: int) -> Sample:
    """Return the peak memory of one step as a sample of one value."""
    return Sample(name, [peak_memory(build, length)])


def memory_row(
    what: str, ours: Sample, other: Sample, target: Target, **case: int
) -> Row:
    """Return a row of peak memory, which is taken with one thread."""
    return Row(what, "peak memory", "MiB", 1, ours, other, target, case)
