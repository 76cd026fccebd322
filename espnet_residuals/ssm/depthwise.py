"""Convolution of every feature with a few taps of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.ssm.autocast import without_autocast


def depthwise_convolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve where all taps meet a frame.

    To torch it is a convolution over images one pixel wide whose features lie side by
    side in memory, which on the CPU takes a quarter of the time of ``conv1d``, or of
    shifted products, forward and backward. It is computed in float32 or wider, whatever
    autocast says: without instructions for half precision a CPU takes many times as
    long for it.

    Args:
        x (Tensor): Input, (batch, length + n_taps - 1, d_model).
        weight (Tensor): Taps, (d_model, 1, n_taps).
        bias (Tensor): Bias, (d_model,).

    Returns:
        Tensor: Output, (batch, length, d_model), in the dtype of ``x``; no frame where
        the input has fewer than there are taps.

    Examples:
        >>> x, weight, bias = torch.ones(2, 102, 8), torch.ones(8, 1, 3), torch.ones(8)
        >>> depthwise_convolution(x, weight, bias).shape
        torch.Size([2, 100, 8])
    """
    if x.size(1) < weight.size(-1):
        return x[:, :0]
    dtype = torch.promote_types(x.dtype, torch.float32)
    with without_autocast(x.device):
        y = F.conv2d(
            x.to(dtype).unsqueeze(2).permute(0, 3, 1, 2),
            weight.to(dtype).unsqueeze(-1),
            bias.to(dtype),
            groups=weight.size(0),
        )
    return y.permute(0, 2, 3, 1).squeeze(2).to(x.dtype)
