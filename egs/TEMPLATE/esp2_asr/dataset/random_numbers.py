"""Random numbers that are the same on every machine and in every version."""

from collections.abc import Sequence

import numpy as np


def random_numbers(seed: int) -> np.random.RandomState:
    """Return a generator of numbers that NumPy promises never to change.

    See "Compatibility Guarantee" in the documentation of ``RandomState``, and NEP 19;
    there is none for ``default_rng``, nor for ``randrange`` of Python. Ask it for
    ``dtype=np.int64``: the default depends on the machine.
    """
    return np.random.RandomState(seed)


def draw(numbers: np.random.RandomState, bounds: Sequence[int]) -> int:
    """Return an integer between two bounds, each included."""
    first, last = bounds
    return int(numbers.randint(first, last + 1, dtype=np.int64))
