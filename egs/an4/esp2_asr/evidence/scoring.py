"""The errors of a cell, by speaker and by the length of the recordings."""

import math
from collections.abc import Sequence
from typing import Any

from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.cell import Cell
from evidence.data import Utterance, load_utterances
from evidence.joined import join
from evidence.reading import read
from jiwer import process_words

# The test sets: utterances as they are, and a speaker's joined to that many seconds.
JOINED = {"test": 0.0, "ten_seconds": 10.0, "speaker": math.inf}

Counts = dict[str, list[int]]


def score_model(cell: Cell, model: ESPnetASRModel) -> dict[str, Any]:
    """Return what a cell's line says of the test sets.

    Returns:
        Word error rates in percent of ``valid`` and of each test set; and of each test
        set the errors and the words of every speaker.
    """
    spoken = load_utterances("test", cell.fold)
    errors = {
        name: count_errors(model, join(spoken, seconds))
        for name, seconds in JOINED.items()
    }
    valid = count_errors(model, load_utterances("valid", cell.fold))
    wers = {name: _wer(counts) for name, counts in {"valid": valid, **errors}.items()}
    return {"wer": wers, "errors": errors}


def count_errors(model: ESPnetASRModel, recordings: Sequence[Utterance]) -> Counts:
    """Return the errors and the words of each speaker."""
    counts: Counts = {}
    for speaker, speech, text in recordings:
        result = process_words(text, read(model, speech))
        wrong = result.substitutions + result.deletions + result.insertions
        total = counts.setdefault(speaker, [0, 0])
        total[0] += wrong
        total[1] += len(text.split())
    return counts


def _wer(counts: Counts) -> float:
    errors, words = map(sum, zip(*counts.values()))
    return round(100 * errors / words, 2)
