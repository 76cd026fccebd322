"""The interval that chance leaves open, over units that are independent."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

RESAMPLES = 10_000


class Rate(NamedTuple):
    """Errors for a hundred words, with the 95 % interval of a bootstrap."""

    rate: float
    low: float
    high: float


def resampled_rate(errors: ArrayLike, lengths: ArrayLike) -> Rate:
    """Return a rate in percent, and its percentiles 2.5 and 97.5 over resampled units.

    Args:
        errors: (units,). Of each unit, such as a speaker; or how many more one model
            makes there than another.
        lengths: (units,). Words of each unit.

    Examples:
        >>> resampled_rate(errors=[0, 10], lengths=[100, 100])
        Rate(rate=5.0, low=0.0, high=10.0)
    """
    counts, words = np.asarray(errors), np.asarray(lengths)
    numbers = np.random.RandomState(0)
    drawn = numbers.randint(0, len(words), size=(RESAMPLES, len(words)))
    rates = 100 * counts[drawn].sum(axis=1) / words[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return Rate(float(100 * counts.sum() / words.sum()), float(low), float(high))
