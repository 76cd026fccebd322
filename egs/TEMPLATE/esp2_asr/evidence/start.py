"""The start of a cell's model: other numbers in it, and what the probe sees of it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import mean
from unittest.mock import patch

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.batches import batches
from evidence.cell import Cell
from evidence.results import Row
from scipy.stats import spearmanr
from torch import Tensor, nn

from espnet_residuals.encoder import input_layer, stack
from espnet_residuals.instruments.measuring.first_steps import (
    frames_after_first_steps,
)
from espnet_residuals.instruments.measuring.measure import measure
from espnet_residuals.instruments.measuring.profile import Reading
from espnet_residuals.instruments.measuring.sites import find_sites
from espnet_residuals.instruments.reading.features import Batch
from espnet_residuals.ssm import S4D, s4d

FRAMES = "what changes from frame to frame, of the input in the output"
FIRST_STEPS = "the same, after 30 first steps at the rate of the training"


@contextmanager
def changed_start(changes: Mapping[str, float]) -> Iterator[None]:
    """Build models with other numbers in their start.

    Args:
        changes: ``kernel_gain`` in place of that of S4D; ``branch_gain`` in place of
            the rule in the depth, where a sublayer keeps its input; ``input_weights``,
            whose value is 1, in place of larger and centred ones.
    """
    rule = stack.branch_gain

    def branch_gain(residual: nn.Module, n_layers: int, is_postnorm: bool) -> float:
        usual = rule(residual, n_layers, is_postnorm)
        return changes["branch_gain"] if usual < 1.0 else usual

    def as_drawn(subsampling: nn.Module, d_model: int) -> float:
        return changes["input_weights"]

    with ExitStack() as patches:
        if "kernel_gain" in changes:
            gain = changes["kernel_gain"]
            patches.enter_context(patch.object(s4d, "KERNEL_GAIN", gain))
        if "branch_gain" in changes:
            patches.enter_context(patch.object(stack, "branch_gain", branch_gain))
        if "input_weights" in changes:
            patches.enter_context(
                patch.object(input_layer, "draw_input_weights_", as_drawn)
            )
        yield


def change_direct_path(model: nn.Module, deviation: float) -> None:
    """Draw D at random, as the S4 authors do, where it would be 1."""
    for module in model.modules():
        if isinstance(module, S4D):
            nn.init.normal_(module.D, std=deviation)


def measure_start(cell: Cell, model: ESPnetASRModel) -> dict[str, float]:
    """Return what the probe sees on a batch before training; leave the model as it is.

    Args:
        cell: What the model was built for.
        model: The model.

    Returns:
        The numbers of ``MEASURES`` and of ``FIRST_STEPS`` by name; nothing of an
        encoder without S4D.
    """
    if not any(isinstance(module, S4D) for module in model.modules()):
        return {}
    readings = read_depth(cell, model)
    measured = {name: of(readings) for name, of in MEASURES.items()}
    batch = _batch(cell, model)
    left = frames_after_first_steps(model.encoder, batch, cell.lr, cell.seed)
    model.zero_grad()
    measured[FIRST_STEPS] = left
    return {name: _rounded(value) for name, value in measured.items()}


def read_depth(cell: Cell, model: ESPnetASRModel) -> Sequence[Reading]:
    """Return the probe's readings on a batch; leave the model as it is.

    Args:
        cell: What the model was built for.
        model: The model.
    """
    sites, batch = find_sites(model.encoder), _batch(cell, model)
    with torch.random.fork_rng(devices=[]):
        readings = measure(cell.name, model.encoder, sites, batch, seed=0).readings
    model.zero_grad()
    return readings


def _batch(cell: Cell, model: ESPnetASRModel) -> Batch:
    """Return what the encoder takes of a batch of training."""
    data = batches("train", cell.held_out)
    with torch.random.fork_rng(devices=[]):
        feats, lengths = _features(model, data[len(data) // 3])
    return Batch(feats, lengths, "a batch of train")


def _features(model: ESPnetASRModel, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return what the encoder takes of a batch."""
    taken: list[tuple[Tensor, Tensor]] = []
    hook = model.encoder.register_forward_pre_hook(
        lambda encoder, inputs: taken.append(inputs[:2])
    )
    with torch.no_grad():
        model.eval().encode(batch["speech"], batch["speech_lengths"])
    hook.remove()
    return taken[0]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def frames_kept(readings: Sequence[Reading]) -> float:
    """Return how much of the input's frames is still in the output."""
    return readings[-1].frames


def gradient_ratio(readings: Sequence[Reading]) -> float:
    """Return the largest gradient of the S4D sublayers over the smallest."""
    norms = _s4d_gradients(readings)
    return max(norms) / min(norms) if min(norms) else math.inf


def gradient_slope(readings: Sequence[Reading]) -> float:
    """Return the first S4D sublayer's gradient over the last one's."""
    first, *_, last = _s4d_gradients(readings)
    return first / last if last else math.inf


def _s4d_gradients(readings: Sequence[Reading]) -> list[float]:
    return [
        reading.parameter_gradient
        for reading in readings
        if reading.layer == S4D.__name__
    ]


def growth(readings: Sequence[Reading]) -> float:
    """Return the mean square behind the last sublayer over that behind the first."""
    return readings[-1].mean_square / readings[0].mean_square


def largest_share(readings: Sequence[Reading]) -> float:
    """Return the largest share that a branch has of its sublayer's output."""
    return max(reading.share for reading in readings)


def kept_share(readings: Sequence[Reading]) -> float:
    """Return the share of the last sublayer's output that is the stack's input."""
    return math.prod(1 - reading.share for reading in readings)


MEASURES: dict[str, Callable[[Sequence[Reading]], float]] = {
    FRAMES: frames_kept,
    "gradient of the S4D sublayers, largest / smallest": gradient_ratio,
    "gradient of the S4D sublayers, first / last": gradient_slope,
    "mean square of the stream, behind the last sublayer / behind the first": growth,
    "share of a sublayer's branch, the largest": largest_share,
    "share of the output that is the stack's input": kept_share,
}


def of_row(row: Row, *measure_names: str) -> float:
    """Return the mean of a measure over a row's seeds; of several, their product."""
    return mean(
        math.prod(cell["start"][name] for name in measure_names) for cell in row.cells
    )


def rank_correlation(rows: Sequence[Row], *measure_names: str) -> float:
    """Return Spearman's coefficient of a measure and the loss at the end.

    Args:
        rows: Configurations, at least three.
        *measure_names: What orders them before training; of several, their product.

    Returns:
        1 where a larger measure always comes with a larger loss, -1 where always with
        a smaller one, about 0 where the measure tells nothing.
    """
    before = [of_row(row, *measure_names) for row in rows]
    after = [mean(row.final_losses()) for row in rows]
    return float(spearmanr(before, after).statistic)
