"""The training of a cell: a fixed number of steps."""

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.data import batches, order
from evidence.model import build_optimizer
from evidence.plan import Cell
from torch.nn.utils import clip_grad_norm_

CLIP = 5.0


def train(cell: Cell, model: ESPnetASRModel) -> list[float]:
    """Train a model as its cell says; stop where the loss is no number.

    Returns:
        The loss of every step; none behind one that is no number.
    """
    data = batches("train", cell.held_out)
    optimizer, schedule, steps = build_optimizer(cell, model)
    losses: list[float] = []
    model.train()
    for index in order(len(data), steps, cell.seed):
        loss, _, _ = model(**data[index])
        optimizer.zero_grad()
        loss.backward()
        if not torch.isfinite(loss):
            break
        clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses
