"""What an activation leaves of the correlation of its input."""

import numpy as np
import torch
from torch import Tensor

from espnet_residuals.start.power import NODES, Activation

ORDER = 32  # of silu and its square, the rest has less than 1e-3 of the power


def correlation_series(function: Activation, variance: float = 1.0) -> Tensor:
    r"""Return the power of a function of a normal number, by its Hermite polynomials.

    By Mehler's formula, for x and y jointly normal with that variance and the
    correlation r, with the terms :math:`s_k` that are returned,

    .. math::
        E f(x) f(y) = \sum_k s_k r^k.

    Args:
        function (Activation): The function f, elementwise.
        variance (float): Variance of its argument.

    Returns:
        Tensor: Terms of the order 0, the square of the mean, to ``ORDER``, (ORDER + 1,).

    Examples:
        >>> correlation_series(lambda x: 3 + x)[:3]
        tensor([9., 1., 0.], dtype=torch.float64)
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    z = torch.from_numpy(nodes)
    values = function(z * variance**0.5) * torch.from_numpy(weights / weights.sum())
    below, polynomial, terms = torch.zeros_like(z), torch.ones_like(z), []
    for k in range(ORDER + 1):
        terms.append((polynomial * values).sum().square())
        above = (z * polynomial - k**0.5 * below) / (k + 1) ** 0.5
        below, polynomial = polynomial, above
    return torch.stack(terms)
