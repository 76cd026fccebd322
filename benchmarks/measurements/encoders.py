"""The encoder beside ESPnet's Conformer and E-Branchformer of equal size."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Iterator

from benchmarks import models
from benchmarks.clock import Clock
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.result import Row, Target, at_least

# All three have 4.4 million parameters, within 3 %.
OUR_OPTIONS: dict[str, Any] = {"output_size": 256, "num_blocks": 6}
OTHERS: dict[str, Any] = {
    "ESPnet Conformer": partial(
        models.encoder_step,
        models.conformer,
        {
            "output_size": 256,
            "attention_heads": 4,
            "linear_units": 896,
            "num_blocks": 3,
        },
    ),
    "ESPnet E-Branchformer": partial(
        models.encoder_step,
        models.e_branchformer,
        {
            "output_size": 256,
            "attention_heads": 4,
            "linear_units": 544,
            "cgmlp_linear_units": 1024,
            "num_blocks": 3,
        },
    ),
}
TARGETS: dict[int, Target] = {
    2000: at_least(3.5),
    8000: at_least(goal=10),
}


@dataclass(frozen=True)
class Encoders(Measurement):
    """Our encoder against ESPnet's, forward and backward.

    Attributes:
        cases (tuple[tuple[int, int], ...]): Frames behind the subsampling, and
            utterances in the batch.
    """

    cases: tuple[tuple[int, int], ...] = ((500, 4), (2000, 4), (8000, 1))

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        for length, batch in self.cases:
            steps = {
                OURS: models.encoder_step(
                    models.s4_encoder, OUR_OPTIONS, batch, length
                ),
                **{name: build(batch, length) for name, build in OTHERS.items()},
            }
            took = clock.compare(steps)
            for name in OTHERS:
                yield time_row(
                    "encoder of 4.4 M parameters, forward + backward",
                    took[OURS],
                    took[name],
                    TARGETS.get(length, at_least()),
                    T=length,
                    B=batch,
                )
