"""What a frame costs in a short and in a long utterance."""

from dataclasses import dataclass
from typing import Iterator

from benchmarks import models
from benchmarks.clock import Clock
from benchmarks.measurement import Measurement, time_row
from benchmarks.result import Row, at_most


@dataclass(frozen=True)
class Frames(Measurement):
    """Our stack on the same number of frames in many or in few sequences.

    Attributes:
        short (int): Frames of the short sequences.
        long (int): Frames of the one long sequence.
    """

    short: int = 500
    long: int = 16_000

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times of equally many frames."""
        options = {"d_model": 256, "num_blocks": 4, "d_state": 64}
        names = {
            length: f"sequences of {length} frames"
            for length in (self.long, self.short)
        }
        took = clock.compare(
            {
                name: models.stack_step(
                    models.s4_stack, options, self.long // length, length
                )
                for length, name in names.items()
            }
        )
        yield time_row(
            "4 blocks, as many frames in one sequence",
            took[names[self.long]],
            took[names[self.short]],
            at_most(1.35),
            T=self.long,
        )
