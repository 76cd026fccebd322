"""How much of the frames is left while a model trains, in its first steps."""

from typing import Any

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.cell import Cell
from evidence.lines import key_of, read, write
from evidence.model import build_model
from evidence.plan import HIGH, LOW, SEEDS
from evidence.start import frames_kept, read_depth
from evidence.training import training

STUDY = "course"
EVERY, LAST = 25, 100  # steps

# What trains, and what does not though some of the frames are there at the start.
WATCHED: tuple[tuple[str, bool, float], ...] = (
    ("residual", True, HIGH),
    ("residual", True, LOW),
    ("residual", False, LOW),
    ("decay", True, HIGH),
    ("deepnorm", False, LOW),
    ("deepnorm", False, HIGH),
    ("laurel_lr", True, LOW),
    ("laurel_lr", True, HIGH),
    ("bypass", True, LOW),
    ("feedforward", True, LOW),
)


def watched_cells() -> list[Cell]:
    """Return the cells whose first steps are watched, seed by seed."""
    cells = []
    for seed in SEEDS:
        for residual, prenorm, lr in WATCHED:
            norm = "prenorm" if prenorm else "postnorm"
            conf = {"residual": residual, "prenorm": prenorm}
            cells.append(Cell(STUDY, f"{residual}, {norm} {lr}", seed, "s4", conf, lr))
    return cells


def watch(match: str = "") -> None:
    """Watch the cells that were not yet, one after the other.

    Args:
        match: What a cell's title must have in it.
    """
    for cell in watched_cells():
        results = read(STUDY)
        if match in cell.title and cell.key not in map(key_of, results):
            write(STUDY, [*results, watch_cell(cell)])
            print("done:", cell.title, flush=True)


def watch_cell(cell: Cell) -> dict[str, Any]:
    """Return how much of the frames the output has every few steps."""
    torch.set_num_threads(1)
    torch.manual_seed(cell.seed)
    model = build_model(cell)
    frames = [_frames(cell, model)]
    for step, _ in enumerate(training(cell, model), start=1):
        if step % EVERY == 0:
            frames.append(_frames(cell, model))
        if step == LAST:
            break
    return {"name": cell.name, "seed": cell.seed, "every": EVERY, "frames": frames}


def _frames(cell: Cell, model: ESPnetASRModel) -> float:
    return float(f"{frames_kept(read_depth(cell, model)):.4g}")
