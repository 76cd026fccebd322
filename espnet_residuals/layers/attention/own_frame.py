r"""The start of the positions: every frame looks at itself before all others.

A sum of cosines of the distance, :math:`S \sum_k c_k \cos(\omega_k \delta)` with
:math:`\sum_k c_k = 1`, is greatest at the distance 0. As a score it gives the own frame
the weight :math:`1 / \sum_\delta e^{-S (1 - C(\delta))}`.

With own weight a, the output has the power of the input times a number between
:math:`a^2`, where frames have nothing in common, and 1, where all are the same. Values
divided by :math:`\sqrt a` put it between a and 1 / a.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from espnet_residuals.layers.attention.limits import Limits
from espnet_residuals.layers.attention.sinusoids import frequencies

# Keeps the power within 10 % of what it should be.
OWN_WEIGHT = 0.92
# Largest distance, in frames, that is looked at.
REACH = 2000
# Few frequencies repeat within the reach; beyond this, more would not help.
LARGEST_SHARPNESS = 100.0


class OwnFrame(NamedTuple):
    """Scores that make a frame look at itself.

    Attributes:
        scores (Tensor): :math:`S c_k` of every frequency, (n_frequencies,), float64.
        weight (float): Weight of the own frame in a long recording.
    """

    scores: Tensor
    weight: float


@cache
def own_frame(size: int, limits: Limits) -> OwnFrame:
    r"""Return the flattest scores for which the own frame has ``OWN_WEIGHT``.

    The frequencies are close together where they are low. Shares
    :math:`c_k \propto \omega_k^p` make up for that: with p = 1 they cover the band
    evenly, so that the score is nearly :math:`S \sin(\delta) / \delta`. Where there are
    few frequencies a smaller p repeats less, where there are many a larger one is
    sharper. The p that needs the smallest S is taken.

    Args:
        size (int): Number of features of the sinusoids, even.
        limits (Limits): How far a frame sees.

    Returns:
        OwnFrame: The scores and the weight that they give.

    Examples:
        >>> start = own_frame(256, Limits(None, None))
        >>> round(start.scores.sum().item(), 1), round(start.weight, 2)
        (14.7, 0.92)
        >>> own_frame(256, Limits(0, 0)).weight
        1.0
    """
    distances = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
    distances = distances[limits.allowed(distances)]
    omega = frequencies(size)
    cosines = torch.cos(omega.unsqueeze(-1) * distances)
    candidates = [_scores(omega**p, cosines) for p in (0.0, 0.5, 1.0, 2.0)]
    return min(candidates, key=lambda start: (float(start.scores.sum()), -start.weight))


def _scores(weights: Tensor, cosines: Tensor) -> OwnFrame:
    shares = weights / weights.sum()
    gap = 1.0 - shares @ cosines
    sharpness = _sharpness(gap)
    return OwnFrame(sharpness * shares, _own_weight(gap, sharpness))


def _own_weight(gap: Tensor, sharpness: float) -> float:
    """Return the weight of distance 0, whose gap is 0."""
    return 1.0 / float(torch.exp(-sharpness * gap).sum())


def _sharpness(gap: Tensor) -> float:
    """Return the smallest S that gives ``OWN_WEIGHT``, by bisection."""
    low, high = 0.0, LARGEST_SHARPNESS
    for _ in range(40):
        middle = (low + high) / 2
        if _own_weight(gap, middle) < OWN_WEIGHT:
            low = middle
        else:
            high = middle
    return high
