"""One layer beside an LSTM of equal size."""

from dataclasses import dataclass
from typing import Iterator

import torch
from torch import nn

from benchmarks.clock import Clock
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.models import training_step
from benchmarks.result import Row, at_least

D_MODEL = 256
# With so many hidden units the LSTM has as many parameters as the layer, within 3 %.
LSTM_UNITS = 119


@dataclass(frozen=True)
class Layers(Measurement):
    """Our layer, looking back only, forward and backward.

    Attributes:
        lengths (tuple[int, ...]): Numbers of frames.
        batch (int): Number of sequences.
    """

    lengths: tuple[int, ...] = (500, 2000)
    batch: int = 4

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        from espnet_residuals import S4D

        for length in self.lengths:
            x = torch.randn(self.batch, length, D_MODEL, requires_grad=True)
            lstm = nn.LSTM(D_MODEL, LSTM_UNITS, batch_first=True)
            took = clock.compare(
                {
                    OURS: training_step(S4D(D_MODEL), (x,), D_MODEL),
                    "torch LSTM": training_step(lstm, (x,), LSTM_UNITS),
                }
            )
            yield time_row(
                "one layer of 256 features, forward + backward",
                took[OURS],
                took["torch LSTM"],
                at_least(),
                T=length,
                B=self.batch,
            )
