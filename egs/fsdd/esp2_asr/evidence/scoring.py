"""The error rates of a cell."""

from typing import Any

from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.cell import Cell
from evidence.data import load
from evidence.reading import read
from src.scores import score


def score_model(cell: Cell, model: ESPnetASRModel) -> dict[str, Any]:
    """Return what a cell's line says of the test sets."""
    test_sets = ["test", "long"] + ["unseen"] * (cell.held_out is not None)
    return {"wer": {name: _wer(model, name, cell.held_out) for name in test_sets}}


def _wer(model: ESPnetASRModel, split: str, held_out: Any) -> float:
    """Return the error rate of a test set in percent, read string by string."""
    strings = load(split, held_out)
    texts = [read(model, speech) for speech, _ in strings]
    return round(score([text for _, text in strings], texts).wer, 2)
