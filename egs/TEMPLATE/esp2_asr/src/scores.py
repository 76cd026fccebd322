"""Errors of a decoded test set, with the intervals that chance leaves open."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jiwer import CharacterOutput, WordOutput, process_characters, process_words
from src.bootstrap import Rate, resampled_rate
from src.units import unit_of


class Score(NamedTuple):
    """Errors of one test set; rates in percent."""

    utterances: int
    words: int
    substitutions: int
    deletions: int
    insertions: int
    wer: float
    low: float  # of the 95 % interval
    high: float
    cer: float
    cer_low: float
    cer_high: float


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    units: Sequence[str] | None = None,
) -> Score:
    """Count errors and resample units (a bootstrap) for the intervals.

    Args:
        references: What was said.
        hypotheses: What the model wrote.
        units: For each utterance what it belongs to, such as its speaker: utterances of
            one unit are drawn together. None: each utterance is a unit of its own.

    Returns:
        The counts, the rates of word and character errors, and their 95 % intervals.
    """
    pairs = list(zip(references, hypotheses, strict=True))
    by_word = [process_words(*pair) for pair in pairs]
    by_character = [process_characters(*pair) for pair in pairs]
    units = list(map(str, range(len(pairs)))) if units is None else units
    return Score(
        len(pairs),
        sum(_length(result) for result in by_word),
        sum(result.substitutions for result in by_word),
        sum(result.deletions for result in by_word),
        sum(result.insertions for result in by_word),
        *_rate(by_word, units),
        *_rate(by_character, units),
    )


def _rate(
    results: Sequence[WordOutput | CharacterOutput], units: Sequence[str]
) -> Rate:
    """Return a rate, and its percentiles 2.5 and 97.5 over resampled units."""
    numbered = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    place = [numbered[unit] for unit in units]
    errors = np.bincount(place, [_errors(result) for result in results])
    lengths = np.bincount(place, [_length(result) for result in results])
    return resampled_rate(errors, lengths)


def _errors(result: WordOutput | CharacterOutput) -> int:
    return int(result.substitutions + result.deletions + result.insertions)


def _length(result: WordOutput | CharacterOutput) -> int:
    return int(result.hits + result.substitutions + result.deletions)


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
    return score(
        list(references.values()),
        [hypotheses[name] for name in references],
        [unit_of(name) for name in references],
    )
