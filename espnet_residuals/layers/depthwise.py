"""A convolution of every feature with a kernel of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.ssm.autocast import without_autocast


class DepthwiseConvolution(nn.Conv1d):
    """``torch.nn.Conv1d`` with one group per feature, on (batch, length, d_model).

    To torch it is a convolution over images one pixel wide whose features lie side by
    side in memory, which on the CPU is several times faster than ``Conv1d`` is. It is
    computed in float32 or wider, whatever autocast says: without instructions for half
    precision a CPU takes many times as long for it.

    Args:
        d_model (int): Number of features.
        kernel (int): Number of taps.

    Examples:
        >>> DepthwiseConvolution(8, kernel=3)(torch.ones(2, 102, 8)).shape
        torch.Size([2, 100, 8])
    """

    bias: Tensor

    def __init__(self, d_model: int, kernel: int) -> None:
        super().__init__(d_model, d_model, kernel, groups=d_model)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve, where all taps meet a frame.

        Args:
            input (Tensor): Input, (batch, length + kernel - 1, d_model).

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        if input.size(1) < self.kernel_size[0]:
            return input[:, :0]
        dtype = torch.promote_types(input.dtype, torch.float32)
        with without_autocast(input.device):
            y = F.conv2d(
                input.to(dtype).unsqueeze(2).permute(0, 3, 1, 2),
                self.weight.to(dtype).unsqueeze(-1),
                self.bias.to(dtype),
                groups=self.groups,
            )
        return y.permute(0, 2, 3, 1).squeeze(2).to(input.dtype)
