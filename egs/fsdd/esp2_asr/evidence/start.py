"""What the first step shows of the sublayers, as numbers, and what comes of it."""

import math
from collections.abc import Callable, Sequence
from statistics import mean
from typing import Any

from evidence.results import Row
from scipy.stats import spearmanr

KINDS = 2  # the sublayers of a block; S4D comes first

Measure = Callable[[dict[str, Any]], float]


def profile(cell: dict[str, Any], statistic: str) -> list[float]:
    """Return a statistic of every sublayer in order; nothing of other encoders.

    Args:
        cell: What a cell left.
        statistic: ``gradient``, ``mean_square`` or ``share``.
    """
    start = sorted(cell["start"].items())
    return [value for name, value in start if name.startswith(f"layer_{statistic}/")]


def gradient_ratio(cell: dict[str, Any]) -> float:
    """Return the largest gradient of the S4D sublayers over the smallest."""
    norms = profile(cell, "gradient")[::KINDS]
    return max(norms) / min(norms) if min(norms) else math.inf


def gradient_slope(cell: dict[str, Any]) -> float:
    """Return the first S4D sublayer's gradient over the last one's."""
    norms = profile(cell, "gradient")[::KINDS]
    return norms[0] / norms[-1] if norms[-1] else math.inf


def growth(cell: dict[str, Any]) -> float:
    """Return the mean square behind the last sublayer over that behind the first."""
    squares = profile(cell, "mean_square")
    return squares[-1] / squares[0]


def largest_share(cell: dict[str, Any]) -> float:
    """Return the largest share that a branch has of its sublayer's output."""
    return max(profile(cell, "share"))


def kept_share(cell: dict[str, Any]) -> float:
    """Return the share of the last sublayer's output that is the stack's input."""
    return math.prod(1 - share for share in profile(cell, "share"))


MEASURES: dict[str, Measure] = {
    "gradient of the S4D sublayers, largest / smallest": gradient_ratio,
    "gradient of the S4D sublayers, first / last": gradient_slope,
    "mean square of the stream, behind the last sublayer / behind the first": growth,
    "share of a sublayer's branch, the largest": largest_share,
    "share of the output that is the stack's input": kept_share,
}


def of_row(row: Row, measure: Measure) -> float:
    """Return the mean of a measure over a row's seeds."""
    return mean(measure(cell) for cell in row.cells)


def rank_correlation(rows: Sequence[Row], measure: Measure) -> float:
    """Return Spearman's coefficient of a measure and the loss at the end.

    Args:
        rows: Configurations, at least three.
        measure: What orders them before training.

    Returns:
        1 where a larger measure always comes with a larger loss, -1 where always with
        a smaller one, about 0 where the measure tells nothing.
    """
    before = [of_row(row, measure) for row in rows]
    after = [mean(row.final_losses()) for row in rows]
    return float(spearmanr(before, after).statistic)
