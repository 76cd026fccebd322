"""The power of what an activation gives for normal input, by quadrature."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from espnet_residuals.nn.activation import Activation

# Exact to 1e-12 for smooth functions of unit variance, to 0.2 % for ReLU.
NODES = 200


def power(function: Activation, variance: float = 1.0) -> float:
    r"""Return :math:`E f(z)^2` for :math:`z \sim N(0, \text{variance})`.

    Args:
        function (Activation): The function f, elementwise.
        variance (float): Variance of its argument.

    Returns:
        float: The power; for GELU :math:`1/3 + 1 / (2 \pi \sqrt 3)`.

    Examples:
        >>> round(power(torch.nn.functional.gelu), 4)
        0.4252
    """
    values, weights = _values(function, variance)
    return float((weights * values.square()).sum())


def spread(function: Activation, variance: float = 1.0) -> float:
    r"""Return the variance of :math:`f(z)`: its power without that of its mean.

    Args:
        function (Activation): The function f, elementwise.
        variance (float): Variance of its argument.

    Returns:
        float: The variance; for GELU its power less :math:`1 / 4 \pi`.

    Examples:
        >>> round(spread(torch.nn.functional.gelu), 4)
        0.3456
    """
    values, weights = _values(function, variance)
    return power(function, variance) - float((weights * values).sum()) ** 2


def _values(function: Activation, variance: float) -> tuple[Tensor, Tensor]:
    """Return the function at the nodes of Gauss and Hermite, and their weights."""
    nodes, weights = normal_nodes()
    return function(nodes * variance**0.5), weights


@cache
def normal_nodes() -> tuple[Tensor, Tensor]:
    """Return where to evaluate a function of a standard normal number for its mean.

    Returns:
        tuple[Tensor, Tensor]: Nodes and weights, float64, both (NODES,).

    Examples:
        >>> nodes, weights = normal_nodes()
        >>> round((weights * nodes**2).sum().item(), 6)
        1.0
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())
