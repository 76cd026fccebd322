"""Where the imaginary parts of the diagonal state matrix start."""

import math

import numpy as np
from numpy.typing import NDArray

from espnet_residuals.config import check_choice

INITS = ("lin", "inv", "legs")


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
        ConfigError: If ``init`` is not one of these.

    Examples:
        >>> print(initial_frequencies("lin", 6).round(4))
        [0.     3.1416 6.2832]
    """
    check_choice("init", init, INITS)
    n = np.arange(d_state // 2)
    if init == "lin":
        return math.pi * n
    if init == "inv":
        return d_state / math.pi * (d_state / (2 * n + 1) - 1)
    return _legs_frequencies(d_state)


def _legs_frequencies(d_state: int) -> NDArray[np.floating]:
    """Return the positive eigenfrequencies of the skew part of HiPPO-LegS."""
    root = np.sqrt(2.0 * np.arange(d_state) + 1.0)
    skew = 0.5 * np.triu(np.outer(root, root), k=1)
    eigenvalues = np.linalg.eigvalsh(1j * (skew - skew.T))
    return eigenvalues[d_state // 2 :]
