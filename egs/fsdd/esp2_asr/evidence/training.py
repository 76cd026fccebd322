"""The training of a cell: a fixed number of steps."""

from typing import NamedTuple

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.data import batches, order
from evidence.model import build_optimizer
from evidence.plan import Cell
from torch.nn.utils import clip_grad_norm_

from espnet_residuals.encoder import ResidualStack
from espnet_residuals.layer_stats.watch import Watch

CLIP = 5.0


class Course(NamedTuple):
    """What a training left.

    Attributes:
        losses: The loss of every step; none behind one that is no number.
        start: What LayerStats logs of each sublayer at the first step.
    """

    losses: list[float]
    start: dict[str, float]


def train(cell: Cell, model: ESPnetASRModel) -> Course:
    """Train a model as its cell says; stop where the loss is no number."""
    data = batches("train", cell.held_out)
    optimizer, schedule, steps = build_optimizer(cell, model)
    is_stack = any(isinstance(module, ResidualStack) for module in model.modules())
    watch = Watch(model) if is_stack else None
    losses: list[float] = []
    start: dict[str, float] = {}
    model.train()
    for index in order(len(data), steps, cell.seed):
        if watch is not None:
            watch.is_on = not losses
        loss, _, _ = model(**data[index])
        optimizer.zero_grad()
        loss.backward()
        if watch is not None and watch.is_on:
            start = watch.read()
        if not torch.isfinite(loss):
            break
        clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    if watch is not None:
        watch.close()
    return Course(losses, start)
