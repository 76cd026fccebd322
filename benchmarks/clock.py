"""Time candidates side by side."""

import gc
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable, Iterator, Mapping

import torch

from benchmarks.result import Sample

Step = Callable[[], object]


@dataclass(frozen=True)
class Clock:
    """Times candidates in turn, in one process, round after round.

    Whatever else the machine does then falls on all of them alike. Every other round
    runs backwards, so that no candidate is always the one that finds a cold cache. The
    first round warms up and is thrown away, unless it has used up the time already.

    Attributes:
        seconds (float): Time for one comparison; more only to reach ``fewest`` rounds.
        fewest (int): Rounds to reach even so.
        limit (float): Time after which not even these are waited for.
        most (int): Rounds that are enough.
    """

    seconds: float = 20.0
    fewest: int = 3
    limit: float = 200.0
    most: int = 40

    def compare(self, steps: Mapping[str, Step]) -> dict[str, Sample]:
        """Time candidates.

        Args:
            steps (Mapping[str, Step]): What to run, by name.

        Returns:
            dict[str, Sample]: The seconds of every round, by name.
        """
        start = time.perf_counter()
        samples = {name: Sample(name, []) for name in steps}

        def elapsed() -> float:
            return time.perf_counter() - start

        def is_enough(rounds: int) -> bool:
            if rounds < self.fewest:
                return rounds > 0 and elapsed() >= self.limit
            return rounds >= self.most or elapsed() >= self.seconds

        first = _round(steps, reverse=False)
        is_kept = elapsed() >= self.seconds
        rounds = [first] if is_kept else []
        while not is_enough(len(rounds)):
            rounds.append(_round(steps, reverse=len(rounds) % 2 == is_kept))
        for seconds in rounds:
            for name, value in seconds.items():
                samples[name].values.append(value)
        return samples


def _round(steps: Mapping[str, Step], reverse: bool) -> dict[str, float]:
    names = list(steps)
    return {name: _seconds(steps[name]) for name in (names[::-1] if reverse else names)}


def _seconds(step: Step) -> float:
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        step()
        return time.perf_counter() - start
    finally:
        gc.enable()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
