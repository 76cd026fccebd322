"""The training of a cell: a fixed number of steps."""

from collections.abc import Iterator

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.batches import batches, order
from evidence.cell import Cell
from evidence.model import build_optimizer
from torch.nn.utils import clip_grad_norm_

CLIP = 5.0


def train(cell: Cell, model: ESPnetASRModel) -> list[float]:
    """Train a model as its cell says; stop where the loss is no number.

    Returns:
        The loss of every step; none behind one that is no number.
    """
    return list(training(cell, model))


def training(cell: Cell, model: ESPnetASRModel) -> Iterator[float]:
    """Train a model step by step, as :func:`train` does; give the loss of each."""
    data = batches("train", cell.held_out)
    optimizer, schedule, steps = build_optimizer(cell, model)
    for index in order(len(data), steps, cell.seed):
        model.train()
        loss, _, _ = model(**data[index])
        optimizer.zero_grad()
        loss.backward()
        if not torch.isfinite(loss):
            break
        clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        yield loss.item()
