"""Word errors of a decoded test set, with the interval that chance leaves open."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jiwer import process_words

RESAMPLES = 10_000


class Score(NamedTuple):
    """Errors of one test set; rates in percent."""

    strings: int
    words: int
    substitutions: int
    deletions: int
    insertions: int
    wer: float
    low: float  # of the 95 % interval
    high: float


def score(references: list[str], hypotheses: list[str]) -> Score:
    """Count word errors and resample the strings (a bootstrap) for the interval.

    Args:
        references: What was said.
        hypotheses: What the model wrote.

    Returns:
        The counts, the word error rate and its 95 % interval.
    """
    results = [process_words(*pair) for pair in zip(references, hypotheses)]
    substitutions = sum(result.substitutions for result in results)
    deletions = sum(result.deletions for result in results)
    insertions = sum(result.insertions for result in results)
    words = np.array([len(reference.split()) for reference in references])
    errors = np.array([r.substitutions + r.deletions + r.insertions for r in results])
    low, high = _interval(errors, words)
    wer = 100 * errors.sum() / words.sum()
    return Score(
        len(words), int(words.sum()), substitutions, deletions, insertions,
        float(wer), low, high,
    )  # fmt: skip


def _interval(errors: np.ndarray, words: np.ndarray) -> tuple[float, float]:
    """Return percentiles 2.5 and 97.5 of the rate over resampled strings."""
    numbers = np.random.RandomState(0)
    drawn = numbers.randint(0, len(words), size=(RESAMPLES, len(words)))
    rates = 100 * errors[drawn].sum(axis=1) / words[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def read_texts(path: Path) -> dict[str, str]:
    """Read a file of lines ``<id> <text>``; a text may be empty."""
    texts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition(" ")
        texts[name] = text
    return texts


def score_folder(folder: Path) -> Score:
    """Score what the stages ``infer`` and ``measure`` left in a test set's folder."""
    references = read_texts(folder / "dataset" / "text.scp")
    hypotheses = read_texts(folder / "text.scp")
    return score(list(references.values()), [hypotheses[name] for name in references])
