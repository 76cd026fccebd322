"""Convolution of a sequence with kernels as long as itself, by FFT."""

from typing import Any

import torch
from torch import Tensor

from espnet_residuals.nn.transformed import is_transformed


def fft_convolution(u: Tensor, kernels: Tensor) -> Tensor:
    """Convolve every feature with its own kernel.

    One kernel looks back: output t sees the inputs t, t-1, and so on. A second one
    looks ahead: it adds the inputs t+1, t+2, and so on; both fit into one transform.

    Args:
        u (Tensor): Input, (batch, d_model, length).
        kernels (Tensor): The kernel that looks back and, if there are two, the one
            that looks ahead, (1 or 2, d_model, kernel_length) with kernel_length >=
            length.

    Returns:
        Tensor: Output, (batch, d_model, length).

    Examples:
        >>> u = torch.tensor([[[1.0, 0.0, 2.0]]])
        >>> fft_convolution(u, torch.tensor([[[1.0, 0.5, 0.0]]])).round(decimals=4)
        tensor([[[1.0000, 0.5000, 2.0000]]])
    """
    if kernels.size(0) == 2:
        circular = torch.cat([kernels[0], kernels[1].flip(-1)], dim=-1)
    else:
        circular = torch.nn.functional.pad(kernels[0], (0, kernels.size(-1)))
    if is_transformed():
        return _convolve(u, circular)
    result: Tensor = _CircularConvolution.apply(u, circular)
    return result


def _convolve(u: Tensor, circular: Tensor) -> Tensor:
    size = circular.size(-1)
    spectrum = torch.fft.rfft(u, n=size) * torch.fft.rfft(circular)
    return torch.fft.irfft(spectrum, n=size)[..., : u.size(-1)]


class _CircularConvolution(torch.autograd.Function):
    """The convolution, whose gradients are correlations by real transforms too.

    Autograd would keep the spectra and differentiate through complex transforms.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, circular: Tensor) -> Tensor:
        ctx.save_for_backward(u, circular)
        return _convolve(u, circular)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        u, circular = ctx.saved_tensors
        size = circular.size(-1)
        spectrum = torch.fft.rfft(gradient, n=size)
        of_u = torch.fft.irfft(spectrum * torch.fft.rfft(circular).conj(), n=size)
        spectrum = (spectrum * torch.fft.rfft(u, n=size).conj()).sum(dim=0)
        return of_u[..., : u.size(-1)], torch.fft.irfft(spectrum, n=size)
