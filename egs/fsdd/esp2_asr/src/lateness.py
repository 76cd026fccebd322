"""Print how late words come: ``python -m src.lateness exp/streaming``."""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from dataset.config import CONFIG
from dataset.dataset import DigitsDataset
from dataset.layout import lay_out_split
from dataset.plan import make_plans
from src.arrival import arrivals, arrivals_of
from src.scores import score

from espnet_residuals.inference import Speech2TextStreaming

RATE = CONFIG.sample_rate
TIMED = 60  # seconds of a test set that are fed in pieces to measure computing
COLUMNS = (
    "model",
    "test set",
    "WER %",
    "look-ahead",
    "word p50",
    "p90",
    "beyond look-ahead p50",
    "p90",
    "first word p50",
    "p90",
    "end p50",
    "real-time factor",
)


class Said(NamedTuple):
    """An utterance, and the bounds of its words in samples."""

    speech: np.ndarray
    text: str
    bounds: list[tuple[int, int]]


class Lateness(NamedTuple):
    """How late the words of a test set come; times in milliseconds."""

    wer: float
    word: list[float]  # from the end of each word that was read right to its arrival
    first: list[float]  # from the beginning of the first word of a string


class Computing(NamedTuple):
    """Time of computing, while a test set comes in pieces."""

    real_time_factor: float
    end: list[float]  # milliseconds from the last sample of a string to its text


def main() -> None:
    """Print a line for each model and test set; times are in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp_dirs", type=Path, nargs="+", metavar="EXP_DIR")
    parser.add_argument("--sets", nargs="+", default=["test", "long"])
    parser.add_argument(
        "--piece", type=int, default=20, help="milliseconds of a piece (20)"
    )
    args = parser.parse_args()
    piece = args.piece * RATE // 1000
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for exp_dir in args.exp_dirs:
        speech2text = Speech2TextStreaming.from_pretrained(str(exp_dir))
        for name in args.sets:
            said = list(read_set(name))
            lateness = measure_lateness(speech2text, said, piece)
            computing = measure_computing(speech2text, said, piece)
            ahead = look_ahead_of(speech2text)
            print(format_row(exp_dir.name, name, ahead, lateness, computing))


def read_set(name: str) -> Iterator[Said]:
    """Yield the utterances of a split."""
    data = DigitsDataset(name)
    (plan,) = [plan for plan in make_plans(None) if plan.name == name]
    recordings = Path(__file__).parents[1] / CONFIG.recordings_dir
    for item, laid_out in zip(data, lay_out_split(plan, recordings), strict=True):
        yield Said(item["speech"], item["text"], laid_out.word_bounds)


def look_ahead_of(speech2text: Any) -> float:
    """Return how far the encoder's layers look ahead, in milliseconds."""
    frames = speech2text.asr_model.encoder.stack.look_ahead
    return 1000 * frames / speech2text.acoustic_model.frame_rate


def measure_lateness(speech2text: Any, said: Iterable[Said], piece: int) -> Lateness:
    """Read a test set and say when its words arrive, computing excluded.

    Args:
        speech2text: A Speech2TextStreaming without a beam.
        said: The test set.
        piece: Samples that come at once.
    """
    texts: list[tuple[str, str]] = []
    word, first = [], []
    for utterance in said:
        (result,) = speech2text(utterance.speech)
        found = arrivals(result, speech2text.acoustic_model, piece)
        texts.append((utterance.text, result.text))
        times = arrivals_of(utterance.text.split(), found)
        pairs = list(zip(times, utterance.bounds, strict=True))
        word += [_ms(time - end) for time, (_, end) in pairs if time is not None]
        first += [
            _ms(time - start) for time, (start, _) in pairs[:1] if time is not None
        ]
    return Lateness(score(*zip(*texts)).wer, word, first)


def measure_computing(speech2text: Any, said: Iterable[Said], piece: int) -> Computing:
    """Feed the beginning of a test set in pieces, as they would come.

    Args:
        speech2text: A Speech2TextStreaming.
        said: The test set.
        piece: Samples that come at once.
    """
    samples, seconds, ends = 0, 0.0, []
    for utterance in said:
        began = time.perf_counter()
        for part in torch.from_numpy(utterance.speech).split(piece):
            speech2text(part, is_final=False)
        last = time.perf_counter()
        speech2text(utterance.speech[:0], is_final=True)
        ended = time.perf_counter()
        samples += len(utterance.speech)
        seconds += ended - began
        ends.append(1000 * (ended - last))
        if samples >= TIMED * RATE:
            break
    return Computing(seconds * RATE / samples, ends)


def format_row(
    model: str,
    test_set: str,
    look_ahead: float,
    lateness: Lateness,
    computing: Computing,
) -> str:
    """Return a line of the table."""
    p50, p90 = np.percentile(lateness.word, [50, 90])
    first = np.percentile(lateness.first, [50, 90])
    times = [look_ahead, p50, p90, p50 - look_ahead, p90 - look_ahead, *first]
    cells = [model, test_set, f"{lateness.wer:.2f}"]
    cells += [f"{ms:.0f}" for ms in [*times, np.median(computing.end)]]
    return "| " + " | ".join([*cells, f"{computing.real_time_factor:.2f}"]) + " |"


def _ms(samples: int) -> float:
    return 1000 * samples / RATE


if __name__ == "__main__":
    main()
