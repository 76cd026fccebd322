"""Where the imaginary parts of the diagonal state matrix start."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from espnet_residuals.config import ConfigError, check_choice

INITS = ("lin", "inv", "legs")
# The eigenvalues of this size take about 3 seconds, 8 times as long at twice the size.
LARGEST_LEGS = 2048


def check_spectrum(init: str, d_state: int) -> None:
    """Refuse a start of A that is unknown or would take too long to compute.

    Args:
        init (str): One of ``lin``, ``inv``, ``legs``.
        d_state (int): Size of the state.

    Raises:
        ConfigError: If ``init`` is not one of these, or the state too large for it.

    Examples:
        >>> check_spectrum("legs", 4096)
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.ConfigError: d_state: must be at most 2048 with \
init: legs, an eigenvalue problem of that size, got 4096; init: lin and init: inv have \
no such limit
    """
    check_choice("init", init, INITS)
    if init == "legs" and d_state > LARGEST_LEGS:
        raise ConfigError(
            "d_state",
            f"must be at most {LARGEST_LEGS} with init: legs, an eigenvalue problem of "
            f"that size, got {d_state}; init: lin and init: inv have no such limit",
        )


def initial_frequencies(init: str, d_state: int) -> NDArray[np.floating]:
    r"""Return the imaginary parts of A, one of each conjugate pair.

    Gu et al., "On the Parameterization and Initialization of Diagonal State Space
    Models" (NeurIPS 2022, https://arxiv.org/abs/2206.11893), with ``n`` the index of
    the pair and ``N`` the size of the state:

    - ``lin`` (S4D-Lin): :math:`\pi n`
    - ``inv`` (S4D-Inv): :math:`\frac{N}{\pi} (\frac{N}{2n + 1} - 1)`
    - ``legs`` (S4D-LegS): eigenvalues of the normal part of the HiPPO-LegS matrix

    Args:
        init (str): One of ``lin``, ``inv``, ``legs``.
        d_state (int): Size of the state N, even.

    Returns:
        NDArray[np.floating]: Frequencies in radians per unit of time, (d_state / 2,).

    Raises:
        ConfigError: If ``init`` is not one of these, or the state too large for it.

    Examples:
        >>> print(initial_frequencies("lin", 6).round(4))
        [0.     3.1416 6.2832]
    """
    check_spectrum(init, d_state)
    n = np.arange(d_state // 2)
    if init == "lin":
        return math.pi * n
    if init == "inv":
        return d_state / math.pi * (d_state / (2 * n + 1) - 1)
    return _legs_frequencies(d_state)


@cache
def _legs_frequencies(d_state: int) -> NDArray[np.floating]:
    """Return the positive eigenfrequencies of the skew part of HiPPO-LegS.

    They are the same for every layer, so computed once and read-only.
    """
    root = np.sqrt(2.0 * np.arange(d_state) + 1.0)
    skew = 0.5 * np.triu(np.outer(root, root), k=1)
    eigenvalues = np.linalg.eigvalsh(1j * (skew - skew.T))
    positive = eigenvalues[d_state // 2 :]
    positive.flags.writeable = False
    return positive
