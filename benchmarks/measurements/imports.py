"""What ``import espnet_residuals`` adds to ``import torch``."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Iterator

from benchmarks.clock import Clock
from benchmarks.measurement import OURS, Measurement
from benchmarks.result import Row, Sample, at_most

TIMED_IMPORT = (
    "import time, torch; start = time.perf_counter(); import espnet_residuals; "
    "print(time.perf_counter() - start)"
)


@dataclass(frozen=True)
class Imports(Measurement):
    """The import, in fresh processes that have imported torch.

    Attributes:
        rounds (int): Number of processes.
    """

    rounds: int = 7

    def times(self, clock: Clock) -> Iterator[Row]:
        """Yield nothing: an import has one thread."""
        return iter(())

    def once(self, clock: Clock) -> Iterator[Row]:
        """Time the import."""
        milliseconds = [1000 * float(_output(TIMED_IMPORT)) for _ in range(self.rounds)]
        yield Row(
            "import espnet_residuals after import torch",
            "time",
            "ms",
            1,
            Sample(OURS, milliseconds),
            None,
            at_most(60),
        )


def _output(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
