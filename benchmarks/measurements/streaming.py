"""A recording in chunks: what a chunk costs, and what an hour needs."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Iterable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.clock import Clock, Step
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.memory import PeakMemory, in_fresh_process
from benchmarks.models import FEATURES
from benchmarks.result import Row, Sample, at_most

FRAMES_PER_SECOND = 100
D_MODEL, NUM_BLOCKS = 256, 12
# One block; all layers are causal.
BLOCKS: dict[str, list[Any]] = {
    "[s4d, ff]": ["s4d", "ff"],
    "[s4d, conv, ff]": ["s4d", {"_name_": "conv", "look_ahead": 0}, "ff"],
}
BARE = "products and convolutions"
# Chunks of one round.
ROUND = 10
# Shares of real time that are promised for chunks of so many frames.
REAL_TIME = {16: 0.08}


@dataclass(frozen=True)
class Streaming(Measurement):
    """Unidirectional encoders of 12 blocks, fed chunk by chunk.

    Attributes:
        chunks (tuple[int, ...]): Input frames of a chunk, 10 ms each.
        minute (int): Seconds of the short recording.
        hour (int): Seconds of the long one.
    """

    chunks: tuple[int, ...] = (16, 64)
    minute: int = 60
    hour: int = 3600

    def times(self, clock: Clock) -> Iterable[Row]:
        """Take no times with several threads: a chunk is too short for them."""
        return ()

    def once(self, clock: Clock) -> Iterator[Row]:
        """Time chunks, and compare a minute with an hour."""
        for block in BLOCKS:
            for chunk in self.chunks:
                yield from chunk_rows(clock, block, chunk)
        yield from self._hour_rows()

    def _hour_rows(self) -> Iterator[Row]:
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


def chunk_rows(clock: Clock, block: str, chunk: int) -> Iterator[Row]:
    """Time chunks beside their bare products, and as a share of real time."""
    encoder = make_encoder(block)
    feats = torch.randn(1, chunk, FEATURES)
    took = clock.compare(
        {OURS: stream_step(encoder, feats), BARE: bare_step(encoder, feats)}
    )
    ours, bare = (
        Sample(name, [seconds / ROUND for seconds in took[name].values])
        for name in (OURS, BARE)
    )
    what = f"a chunk of a stream, 12 blocks {block}"
    yield time_row(what, ours, bare, at_most(1.6), chunk=chunk)
    length = chunk / FRAMES_PER_SECOND
    share = Sample(OURS, [seconds / length for seconds in ours.values])
    target = at_most(REAL_TIME.get(chunk, 1))
    row = time_row(what, share, None, target, chunk=chunk)
    yield Row(**{**row.__dict__, "quantity": "real-time factor", "unit": "s/s"})


def make_encoder(block: str) -> Any:
    """Return an encoder of 12 blocks."""
    from espnet_residuals import S4Encoder

    return S4Encoder(
        FEATURES, output_size=D_MODEL, num_blocks=NUM_BLOCKS, layer=BLOCKS[block]
    ).eval()


@torch.no_grad()
def stream_step(encoder: Any, feats: Tensor) -> Step:
    """Return what encodes the next chunks of a stream, each of the same features."""
    state = encoder.default_state(1)

    @torch.no_grad()
    def step() -> None:
        nonlocal state
        for _ in range(ROUND):
            _, state = encoder.forward_chunk(feats, state)

    return step


@torch.no_grad()
def bare_step(encoder: Any, feats: Tensor) -> Step:
    """Return the linear maps and convolutions of as many chunks, and nothing else."""
    calls: list[Step] = []

    def note(module: Any, inputs: tuple[Tensor, ...], _: Tensor) -> None:
        calls.append(partial(module.forward, inputs[0]))

    _, state = encoder.forward_chunk(feats, encoder.default_state(1))
    hooks = [
        module.register_forward_hook(note)
        for module in encoder.modules()
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d))
    ]
    encoder.forward_chunk(feats, state)
    for hook in hooks:
        hook.remove()

    @torch.no_grad()
    def step() -> None:
        for _ in range(ROUND):
            for call in calls:
                call()

    return step


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
    encoder = make_encoder("[s4d, ff]")
    feats = torch.randn(1, chunk, FEATURES)

    def stream(seconds: int) -> None:
        with torch.no_grad():
            state = encoder.default_state(1)
            for _ in range(seconds * FRAMES_PER_SECOND // chunk):
                _, state = encoder.forward_chunk(feats, state)

    return stream
