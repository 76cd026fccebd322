"""What an activation leaves of the correlation of its input."""

from functools import cache

import torch
from torch import Tensor

from espnet_residuals.start.power import Activation, normal_nodes

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
        Tensor: Terms from the order 0, the square of the mean, to ``ORDER``, (ORDER +
        1,).

    Examples:
        >>> terms = correlation_series(lambda x: 3 + x)
        >>> [round(term, 6) for term in terms[:3].tolist()]
        [9.0, 1.0, 0.0]
    """
    nodes, weights = normal_nodes()
    values = function(nodes * variance**0.5)
    return (_hermite_polynomials() @ (weights * values)).square()


@cache
def _hermite_polynomials() -> Tensor:
    """Return those of power 1 at the nodes, (ORDER + 1, NODES)."""
    z, _ = normal_nodes()
    polynomials = [torch.ones_like(z), z]
    for k in range(1, ORDER):
        above = z * polynomials[k] - k**0.5 * polynomials[k - 1]
        polynomials.append(above / (k + 1) ** 0.5)
    return torch.stack(polynomials)
