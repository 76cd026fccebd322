"""From the continuous system to one step of length dt, for a diagonal A."""

from typing import NamedTuple

import torch
from torch import Tensor

DISCRETIZATIONS = ("zoh", "bilinear")


class Step(NamedTuple):
    r"""One step of the recurrence :math:`s' = \bar A s + g B u`.

    Complex numbers stay real tensors, which every backend and exporter knows.

    Attributes:
        log_abs (Tensor): :math:`\log |\bar A|`, (d_model, n_pairs).
        angle (Tensor): :math:`\arg \bar A` in radians, not wrapped.
        gain_real (Tensor): Real part of the input's gain g.
        gain_imag (Tensor): Imaginary part of g.
    """

    log_abs: Tensor
    angle: Tensor
    gain_real: Tensor
    gain_imag: Tensor


def discretize(A_real: Tensor, A_imag: Tensor, dt: Tensor, discretization: str) -> Step:
    r"""Return the step of length ``dt``.

    Gu et al. (2022, https://arxiv.org/abs/2206.11893), section 3.1:

    - ``zoh``: :math:`\bar A = e^{A \Delta}`, :math:`g = A^{-1} (\bar A - 1)`
    - ``bilinear``: :math:`\bar A = \frac{1 + A \Delta / 2}{1 - A \Delta / 2}`,
      :math:`g = \frac{\Delta}{1 - A \Delta / 2}`

    Args:
        A_real (Tensor): Real parts of A, negative, (d_model, n_pairs).
        A_imag (Tensor): Imaginary parts of A, (d_model, n_pairs).
        dt (Tensor): Step length, (d_model, 1).
        discretization (str): ``zoh`` or ``bilinear``.

    Returns:
        Step: The step, shaped (d_model, n_pairs).

    Examples:
        >>> half = torch.tensor([[0.5]])
        >>> discretize(-half, 0 * half, half, "zoh").log_abs
        tensor([[-0.2500]])
    """
    if discretization == "zoh":
        return _zero_order_hold(A_real, A_imag, dt)
    return _bilinear(A_real, A_imag, dt)


def _zero_order_hold(A_real: Tensor, A_imag: Tensor, dt: Tensor) -> Step:
    log_abs, angle = A_real * dt, A_imag * dt
    magnitude = log_abs.exp()
    rise_real = magnitude * angle.cos() - 1.0
    rise_imag = magnitude * angle.sin()
    norm = A_real.square() + A_imag.square()
    return Step(
        log_abs,
        angle,
        (rise_real * A_real + rise_imag * A_imag) / norm,
        (rise_imag * A_real - rise_real * A_imag) / norm,
    )


def _bilinear(A_real: Tensor, A_imag: Tensor, dt: Tensor) -> Step:
    half_real, half_imag = A_real * dt / 2, A_imag * dt / 2
    ahead = (1 + half_real).square() + half_imag.square()
    behind = (1 - half_real).square() + half_imag.square()
    return Step(
        (ahead / behind).log() / 2,
        torch.atan2(half_imag, 1 + half_real) + torch.atan2(half_imag, 1 - half_real),
        dt * (1 - half_real) / behind,
        dt * half_imag / behind,
    )
