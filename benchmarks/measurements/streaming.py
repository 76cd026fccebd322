"""A recording in chunks: what a frame costs, and what an hour needs."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Callable, Iterator

import torch

from benchmarks.clock import Clock
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.memory import PeakMemory, in_fresh_process
from benchmarks.models import FEATURES
from benchmarks.result import Row, Sample, at_most

FRAMES_PER_SECOND = 100
D_MODEL, NUM_BLOCKS = 256, 12


@dataclass(frozen=True)
class Streaming(Measurement):
    """A unidirectional encoder of 12 blocks, fed chunk by chunk.

    Attributes:
        chunks (tuple[int, ...]): Input frames of a chunk, 10 ms each.
        minute (int): Seconds of the short recording.
        hour (int): Seconds of the long one.
    """

    chunks: tuple[int, ...] = (16, 64)
    minute: int = 60
    hour: int = 3600

    def times(self, clock: Clock) -> Iterator[Row]:
        """Time ten seconds of speech in chunks, as a share of real time."""
        for chunk in self.chunks:
            took = clock.compare({OURS: partial(make_stream(chunk), 10)})[OURS]
            share = Sample(OURS, [seconds / 10 for seconds in took.values])
            row = time_row("streaming, 12 blocks", share, None, at_most(1), chunk=chunk)
            yield Row(**{**row.__dict__, "quantity": "real-time factor", "unit": "s/s"})

    def once(self, clock: Clock) -> Iterator[Row]:
        """Compare a minute with an hour, each in a fresh process."""
        chunk = max(self.chunks)
        short = in_fresh_process(measure_recording, self.minute, chunk)
        long = in_fresh_process(measure_recording, self.hour, chunk)
        names = f"{self.hour} s of speech", f"{self.minute} s of speech"
        for quantity, unit, index in (
            ("time per frame", "s", 0),
            ("peak memory", "MiB", 1),
        ):
            yield Row(
                "streaming an hour beside a minute",
                quantity,
                unit,
                1,
                Sample(names[0], [long[index]]),
                Sample(names[1], [short[index]]),
                at_most(1.1),
                {"chunk": chunk},
            )


def measure_recording(seconds: int, chunk: int) -> tuple[float, float]:
    """Return the seconds per input frame and the peak memory in MiB."""
    torch.set_num_threads(1)
    stream = make_stream(chunk)
    stream(1)
    peak, start = PeakMemory(), time.perf_counter()
    stream(seconds)
    taken = time.perf_counter() - start
    return taken / (seconds * FRAMES_PER_SECOND), peak.mebibytes()


def make_stream(chunk: int) -> Callable[[int], None]:
    """Return what encodes so many seconds of random features, chunk by chunk."""
    from espnet_residuals import S4Encoder

    encoder = S4Encoder(
        FEATURES, output_size=D_MODEL, num_blocks=NUM_BLOCKS, layer=["s4d", "ff"]
    ).eval()
    feats = torch.randn(1, chunk, FEATURES)

    def stream(seconds: int) -> None:
        with torch.no_grad():
            state = encoder.default_state(1)
            for _ in range(seconds * FRAMES_PER_SECOND // chunk):
                _, state = encoder.forward_chunk(feats, state)

    return stream
