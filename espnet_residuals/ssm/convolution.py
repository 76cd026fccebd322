"""Convolution of a sequence with kernels as long as itself, by FFT."""

import torch
from torch import Tensor


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
    size = 2 * kernels.size(-1)
    circular = kernels[0]
    if kernels.size(0) == 2:
        circular = torch.cat([kernels[0], kernels[1].flip(-1)], dim=-1)
    spectrum = torch.fft.rfft(u, n=size) * torch.fft.rfft(circular, n=size)
    return torch.fft.irfft(spectrum, n=size)[..., : u.size(-1)]
