"""Four blocks of [bidirectional S4, feed-forward], forward and backward."""

from dataclasses import dataclass
from functools import partial
from typing import Callable, Iterator

from benchmarks import models
from benchmarks.clock import Clock, Step
from benchmarks.measurement import (
    OURS,
    Measurement,
    measure_peak,
    memory_row,
    time_row,
)
from benchmarks.result import Row, at_least

ESPNET = "ESPnet SequenceModel (diag)"

MEMORY = {500: at_least(2.5), 2000: at_least(2.5)}


@dataclass(frozen=True)
class Stack(Measurement):
    """Our stack against ESPnet's, which has the same layers.

    Attributes:
        lengths (tuple[int, ...]): Numbers of frames.
        batch (int): Number of sequences.
        num_blocks (int): Number of blocks.
        d_model (int): Number of features.
        d_state (int): Size of the state.
    """

    lengths: tuple[int, ...] = (500, 2000)
    batch: int = 4
    num_blocks: int = 4
    d_model: int = 256
    d_state: int = 64

    @property
    def what(self) -> str:
        """What is measured, for the tables."""
        return f"{self.num_blocks} blocks, forward + backward"

    def candidates(self) -> dict[str, Callable[[int], Step]]:
        """Return what makes a step for so many frames, by name."""
        options = {
            "d_model": self.d_model,
            "num_blocks": self.num_blocks,
            "d_state": self.d_state,
        }
        return {
            OURS: partial(models.stack_step, models.s4_stack, options, self.batch),
            ESPNET: partial(
                models.stack_step, models.espnet_stack, options, self.batch
            ),
        }

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        for length in self.lengths:
            steps = {name: build(length) for name, build in self.candidates().items()}
            took = clock.compare(steps)
            yield time_row(
                self.what,
                took[OURS],
                took[ESPNET],
                at_least(),  # the products are the same: what remains is in ``floor``
                T=length,
                B=self.batch,
            )

    def once(self, clock: Clock) -> Iterator[Row]:
        """Compare the peaks of memory."""
        for length in self.lengths:
            peaks = {
                name: measure_peak(name, build, length)
                for name, build in self.candidates().items()
            }
            yield memory_row(
                self.what,
                peaks[OURS],
                peaks[ESPNET],
                MEMORY.get(length, at_least()),
                T=length,
                B=self.batch,
            )
