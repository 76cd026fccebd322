"""The gain of the kernels of a diagonal state-space model, in closed form."""

import torch
from torch import Tensor

from espnet_residuals.ssm.discretization import Step


def kernel_power(step: Step, B: Tensor, correlation: float) -> Tensor:
    r"""Return the power that a kernel gives for input of power 1, expected over C.

    The input is a stationary sequence whose correlation over l frames is
    :math:`\rho^{|l|}`: white noise for :math:`\rho = 0`, a constant for
    :math:`\rho \to 1`. With :math:`\lambda_n` and :math:`b_n` the eigenvalues and the
    input's factors of the discrete system, and C complex normal,
    :math:`E|C_n|^2 = 1`,

    .. math::
        g(\rho) = 2 \sum_n \frac{|b_n|^2}{1 - |\lambda_n|^2}
        \Re \frac{1 + \lambda_n \rho}{1 - \lambda_n \rho}.

    For :math:`\rho = 0` each term is the inverse square of the factor by which Orvieto
    et al. (ICML 2023, https://arxiv.org/abs/2303.06349) normalise a pole.

    Args:
        step (Step): One step of the system.
        B (Tensor): B of the continuous system, complex, (d_model, n_pairs).
        correlation (float): Correlation :math:`\rho` of neighbouring frames, from 0 to
            below 1.

    Returns:
        Tensor: The power, (d_model,).

    Examples:
        >>> from espnet_residuals.ssm.discretization import discretize
        >>> rate, none = torch.tensor([[1.0]]), torch.zeros(1, 1)
        >>> step = discretize(-rate, none, rate, "zoh")
        >>> kernel_power(step, torch.ones(1, 1, dtype=torch.complex64), 0.0)
        tensor([0.9242])
    """
    eigenvalues = torch.polar(step.log_abs.exp(), step.angle)
    gains = torch.complex(step.gain_real, step.gain_imag) * B
    lasting = (1 + eigenvalues * correlation) / (1 - eigenvalues * correlation)
    # 1 - |eigenvalue|^2, exact where the eigenvalue is near 1.
    fading = -torch.expm1(2 * step.log_abs)
    return 2 * (gains.abs().square() / fading * lasting.real).sum(dim=-1)
