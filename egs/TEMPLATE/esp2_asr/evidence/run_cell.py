"""Train and score one cell."""

import time
from typing import Any

import torch
from evidence.cell import Cell
from evidence.model import build_model
from evidence.results import WINDOW
from evidence.scoring import score_model
from evidence.start import change_direct_path, changed_start, measure_start
from evidence.training import train


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
    return {
        "name": cell.name,
        **({} if cell.fold is None else {"fold": cell.fold}),
        "seed": cell.seed,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "lr": cell.lr,
        "steps": len(losses),
        "minutes": round(trained / 60, 2),
        "losses": _windows(losses),
        "start": start,
        **score_model(cell, model.eval()),
    }


def _windows(losses: list[float]) -> list[float]:
    starts = range(0, len(losses) - WINDOW + 1, WINDOW)
    return [round(sum(losses[i : i + WINDOW]) / WINDOW, 3) for i in starts]
