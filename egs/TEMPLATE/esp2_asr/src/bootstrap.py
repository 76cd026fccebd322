"""The interval that chance leaves open, over units that are independent."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000


class Rate(NamedTuple):
    """Errors for a hundred words, with the 95 % interval of a bootstrap."""

    rate: float
    low: float
    high: float


def resampled_rate(errors: Sequence[float], lengths: Sequence[float]) -> Rate:
    """Return a rate in percent, and its percentiles 2.5 and 97.5 over resampled units.

    Args:
        errors: Of each unit, such as a speaker; or how many more one model makes there
            than another.
        lengths: Words of each unit.

    Examples:
        >>> resampled_rate(errors=[0, 10], lengths=[100, 100])
        Rate(rate=5.0, low=0.0, high=10.0)
    """
    errors, lengths = np.asarray(errors), np.asarray(lengths)
    numbers = np.random.RandomState(0)
    drawn = numbers.randint(0, len(lengths), size=(RESAMPLES, len(lengths)))
    rates = 100 * errors[drawn].sum(axis=1) / lengths[drawn].sum(axis=1)
    low, high = np.percentile(rates, [2.5, 97.5])
    return Rate(float(100 * errors.sum() / lengths.sum()), float(low), float(high))
