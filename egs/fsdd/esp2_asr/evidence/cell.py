"""Train and score one cell."""

import time
from typing import Any

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.data import load
from evidence.model import build_model
from evidence.plan import Cell
from evidence.reading import read
from evidence.results import WINDOW
from evidence.start import change_direct_path, changed_start, measure_start
from evidence.training import train
from src.scores import score


def run_cell(cell: Cell) -> dict[str, Any]:
    """Train and score a cell with one thread; return what it leaves."""
    torch.set_num_threads(1)
    torch.manual_seed(cell.seed)
    with changed_start(cell.start):
        model = build_model(cell)
    if "direct_path" in cell.start:
        change_direct_path(model, cell.start["direct_path"])
    start = measure_start(cell, model)
    began = time.process_time()
    losses = train(cell, model)
    trained = time.process_time() - began
    test_sets = ["test", "long"] + ["unseen"] * (cell.held_out is not None)
    return {
        "name": cell.name,
        "seed": cell.seed,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "lr": cell.lr,
        "steps": len(losses),
        "minutes": round(trained / 60, 2),
        "losses": _windows(losses),
        "start": start,
        "wer": {name: _wer(model, name, cell.held_out) for name in test_sets},
    }


def _windows(losses: list[float]) -> list[float]:
    starts = range(0, len(losses) - WINDOW + 1, WINDOW)
    return [round(sum(losses[i : i + WINDOW]) / WINDOW, 3) for i in starts]


def _wer(model: ESPnetASRModel, split: str, held_out: str | None) -> float:
    """Return the error rate of a test set in percent, read string by string."""
    model.eval()
    strings = load(split, held_out)
    texts = [read(model, speech) for speech, _ in strings]
    return round(score([text for _, text in strings], texts).wer, 2)
