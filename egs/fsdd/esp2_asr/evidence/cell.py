"""Train and score one cell."""

import json
import time
from pathlib import Path

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.data import load
from evidence.model import build_model
from evidence.plan import Cell
from evidence.reading import read
from evidence.training import train
from src.scores import score

CELLS = Path(__file__).with_name("cells")
WINDOW = 25  # steps that one number of the kept loss curve is the mean of


def run_cell(cell: Cell) -> None:
    """Train and score a cell with one thread, and write its file."""
    torch.set_num_threads(1)
    torch.manual_seed(cell.seed)
    model = build_model(cell)
    began = time.process_time()
    course = train(cell, model)
    trained = time.process_time() - began
    test_sets = ["test", "long"] + ["unseen"] * (cell.held_out is not None)
    result = {
        "study": cell.study,
        "name": cell.name,
        "seed": cell.seed,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "lr": cell.lr,
        "steps": len(course.losses),
        "minutes": round(trained / 60, 2),
        "losses": _windows(course.losses),
        "start": {name: _rounded(value) for name, value in course.start.items()},
        "scores": {name: _score(model, name, cell.held_out) for name in test_sets},
    }
    CELLS.mkdir(exist_ok=True)
    path = CELLS / cell.file_name
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)  # a file that is there is whole


def _windows(losses: list[float]) -> list[float]:
    starts = range(0, len(losses) - WINDOW + 1, WINDOW)
    return [round(sum(losses[i : i + WINDOW]) / WINDOW, 3) for i in starts]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _score(model: ESPnetASRModel, split: str, held_out: str | None) -> dict[str, float]:
    """Return the error rate of a test set, read string by string."""
    model.eval()
    strings = load(split, held_out)
    texts = [read(model, speech) for speech, _ in strings]
    result = score([text for _, text in strings], texts)
    return {
        "wer": round(result.wer, 2),
        "low": round(result.low, 2),
        "high": round(result.high, 2),
    }
