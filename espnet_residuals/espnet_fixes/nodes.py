"""The nodes at which an NPLR kernel is evaluated, to full precision."""

import math

import torch
from torch import Tensor, nn


def nodes(
    kernel: nn.Module,
    length: int,
    dtype: torch.dtype,
    device: torch.device,
    cache: bool = True,
) -> tuple[Tensor, Tensor]:
    r"""Return the roots of unity and what the bilinear transform makes of them.

    ESPnet raises :math:`e^{-2\pi i/L}` to powers in ``dtype``, which multiplies its
    rounding error by up to L/2. Here angles are computed in float64, each on its own.

    Args:
        kernel (nn.Module): Not used; this is a method of ``SSKernelNPLR``.
        length (int): Number L of values of the kernel.
        dtype (torch.dtype): Complex dtype of the result.
        device (torch.device): Device of the result.
        cache (bool): Not used: what ESPnet remembers outlives a change of dtype or
            device, and a new computation costs little.

    Returns:
        tuple[Tensor, Tensor]: :math:`\omega_k = e^{-2\pi i k/L}` and
        :math:`2(1 - \omega_k)/(1 + \omega_k)`, both (L // 2 + 1,).

    Examples:
        >>> omega, z = nodes(None, 4, torch.complex64, torch.device("cpu"))
        >>> torch.allclose(omega, torch.tensor([1, -1j, -1]))
        True
        >>> torch.allclose(z[:2], torch.tensor([0, 2j]))
        True
    """
    angle = torch.arange(length // 2 + 1, dtype=torch.float64) * (-2 * math.pi / length)
    # At half the length sin(pi) is 1e-16, not 0, which keeps z finite.
    omega = torch.polar(torch.ones_like(angle), angle)
    z = 2 * (1 - omega) / (1 + omega)
    return omega.to(device, dtype), z.to(device, dtype)
