"""A convolution of every feature with a kernel of its own."""

from torch import Tensor, nn

from espnet_residuals.ssm.depthwise import depthwise_convolution


class DepthwiseConvolution(nn.Conv1d):
    """``torch.nn.Conv1d`` with one group per feature, on (batch, length, d_model).

    Computed by :func:`espnet_residuals.ssm.depthwise.depthwise_convolution`, on the CPU
    several times faster than ``Conv1d`` is.

    Args:
        d_model (int): Number of features.
        kernel (int): Number of taps.

    Examples:
        >>> import torch
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
        return depthwise_convolution(input, self.weight, self.bias)
