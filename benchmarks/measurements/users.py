"""Many users at once: what each costs, and how many one core holds in real time."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Iterator

import torch

from benchmarks.clock import Clock, Step
from benchmarks.measurement import OURS, Measurement
from benchmarks.result import Row, Sample, at_least

ALONE = "each user alone"
CONF = Path(__file__).parents[2] / "egs" / "fsdd" / "esp2_asr" / "conf"
LETTERS = "ABCDEFGHIJKLMNO"


@dataclass(frozen=True)
class Users(Measurement):
    """Users who all speak without a pause, read as text without a beam.

    The model is that of ``egs/fsdd/esp2_asr/conf/streaming.yaml``, not trained.

    Attributes:
        counts (tuple[int, ...]): Numbers of users for whom times are compared.
        chunks (tuple[float, ...]): Seconds of a chunk.
    """

    counts: tuple[int, ...] = (1, 8, 64)
    chunks: tuple[float, ...] = (0.32, 0.96)

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare users in a batch with each alone, and look for the most users."""
        speech2text = build_model()
        for chunk in self.chunks:
            for count in self.counts:
                steps = {
                    OURS: make_round(speech2text, chunk, [count]),
                    ALONE: make_round(speech2text, chunk, [1] * count),
                }
                took = clock.compare(steps)
                yield _row(
                    "time of a chunk", "s", took[OURS], took[ALONE], chunk, users=count
                )
            most = most_users(clock, speech2text, chunk)
            yield _row("users in real time", "users", most, None, chunk)


def most_users(clock: Clock, speech2text: Any, chunk: float) -> Sample:
    """Return how many users take as long as they speak, of every round.

    The time of a user depends on their number, so it is measured with about so many.
    """
    count, fit = 0, 16
    while fit > 1.1 * count:
        count = fit
        step = make_round(speech2text, chunk, [count])
        seconds = clock.compare({OURS: step})[OURS].values
        fit = int(count * chunk / median(seconds))
    return Sample(OURS, [count * chunk / taken for taken in seconds])


def make_round(speech2text: Any, chunk: float, batches: list[int]) -> Step:
    """Return what reads one chunk of each user, in batches of so many."""
    from espnet_residuals.streaming.many_streams import ManyStreams

    groups = []
    for count in batches:
        many = ManyStreams(speech2text, chunk)
        groups.append((many, [many.begin() for _ in range(count)]))
    samples = torch.randn(groups[0][0].chunk_length) / 10

    def read() -> None:
        for many, streams in groups:
            for stream in streams:
                stream.push(samples)
            for stream in many.run():
                stream.new_segment()

    return read


def build_model() -> Any:
    """Return what reads, with random parameters."""
    from omegaconf import OmegaConf

    from espnet_residuals.inference import Speech2TextStreaming
    from espnet_residuals.tasks import ASRTask

    names = ("training.yaml", "quick.yaml", "streaming.yaml")  # by their defaults
    model: Any = OmegaConf.merge(*(OmegaConf.load(CONF / name) for name in names)).model
    model.token_list = ["<blank>", "<unk>", "<space>", *LETTERS, "<sos/eos>"]
    model.normalize, model.normalize_conf = None, {}
    options = OmegaConf.to_container(model, resolve=True)
    assert isinstance(options, dict)
    args = Namespace(
        **{**ASRTask.get_default_config(), **options, "token_type": "char"}
    )
    return Speech2TextStreaming(
        asr_model=ASRTask.build_model(args), asr_train_args=args
    )


def _row(
    quantity: str, unit: str, ours: Sample, other: Any, chunk: float, **case: int
) -> Row:
    milliseconds = {"chunk in ms": round(1000 * chunk), **case}
    threads = torch.get_num_threads()
    what = "users at once, fsdd's streaming.yaml"
    return Row(what, quantity, unit, threads, ours, other, at_least(), milliseconds)
