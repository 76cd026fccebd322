"""How loud the state space of Mamba-2 starts beside its direct path, in closed form."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.start.series import correlation_series

# The power grows with the fourth to eighth power of the scale: steps of a sixth of what
# is missing leave a third of it at most.
STEPS, STEP = 20, 1 / 6


def scan_power(
    log_decay: Tensor, dt: Tensor, d_state: int, scale: float, correlation: float
) -> Tensor:
    r"""Return the power of the scan's output, expected over the maps to B and C.

    What goes into the silu of x, B and C is normal, independent of one another, of
    power 1 for x and :math:`\text{scale}^2` for B and C, and correlated over l frames
    by :math:`\rho^{|l|}`. With :math:`x_k`, :math:`b_k` the terms of
    :func:`~espnet_residuals.start.series.correlation_series` for x and for B (and C),
    the product of C with B, times x, has the correlation
    :math:`\sum_k g_k \rho^{k |l|}`, where g is the product of the series x and

    .. math::
        N b_k \sum_j b_j + [k = 0] N (N - 1) b_0^2,

    since the means of different numbers of the state add up. A decay :math:`\lambda`
    makes of a correlation :math:`q^{|l|}` the power

    .. math::
        dt^2 \frac{1 + \lambda q}{(1 - \lambda^2)(1 - \lambda q)},

    and two directions, added, have
    :math:`2 dt_1 dt_2 / ((1 - \lambda_1 q)(1 - \lambda_2 q))` in common.

    Args:
        log_decay (Tensor): Logarithm of the decay, (n_directions, n_head).
        dt (Tensor): Step length, (n_directions, n_head).
        d_state (int): Size N of the state.
        scale (float): Root mean square of B and C before silu.
        correlation (float): Correlation :math:`\rho` of neighbouring frames, from 0 to
            below 1.

    Returns:
        Tensor: The power of the directions' sum, (n_head,).

    Examples:
        >>> one = torch.ones(1, 1, dtype=torch.float64)
        >>> scan_power(-one, one, d_state=64, scale=1.0, correlation=0.0)
        tensor([6.8351], dtype=torch.float64)
    """
    product = d_state * (b := correlation_series(F.silu, scale**2)) * b.sum()
    product[0] += d_state * (d_state - 1) * b[0] ** 2
    terms = np.convolve(product.numpy(), correlation_series(F.silu).numpy())
    powers = torch.from_numpy(correlation ** np.arange(len(terms)))
    decay, dt = log_decay.double().exp().unsqueeze(-1), dt.double().unsqueeze(-1)
    sums = dt / (1 - decay * powers)
    fading = -torch.expm1(2 * log_decay.double()).unsqueeze(-1)
    own = (dt * (1 + decay * powers) * sums / fading).sum(dim=0)
    common = sums.sum(dim=0).square() - sums.square().sum(dim=0)
    return (own + common) @ torch.from_numpy(terms)


def scale_for_power(
    target: float, log_decay: Tensor, dt: Tensor, d_state: int, correlation: float
) -> float:
    """Return the scale of B and C that gives the heads a power on the average.

    All heads share B and C, so their powers differ as their dt and A do.

    Args:
        target (float): Mean of the heads' powers.
        log_decay (Tensor): As in :func:`scan_power`.
        dt (Tensor): As in :func:`scan_power`.
        d_state (int): As in :func:`scan_power`.
        correlation (float): As in :func:`scan_power`.

    Returns:
        float: The scale, at most 1: where dt is so small that it had to be more, the
        power is less.

    Examples:
        >>> one = torch.ones(1, 1, dtype=torch.float64)
        >>> scale = scale_for_power(0.01, -one, one, 64, 0.9)
        >>> round(scan_power(-one, one, 64, scale, 0.9).item(), 4)
        0.01
    """
    scale = 1.0
    for _ in range(STEPS):
        power = scan_power(log_decay, dt, d_state, scale, correlation).mean().item()
        scale = min(1.0, scale * (target / power) ** STEP) if power > 0 else 1.0
    return scale
