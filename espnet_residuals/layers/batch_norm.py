"""Batch normalisation over the frames that are no padding."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.nn.lengths import valid_frames


class FrameBatchNorm(nn.Module):
    """``torch.nn.BatchNorm1d`` on (batch, length, d_model), blind to padding.

    Ioffe and Szegedy, "Batch Normalization" (ICML 2015,
    https://arxiv.org/abs/1502.03167). In training the statistics are those of the valid
    frames of the batch; in evaluation the running ones, so that no frame sees another.

    Parameters and buffers have torch's names. It is none of torch's classes, since
    ``SyncBatchNorm.convert_sync_batchnorm`` would replace it by one that knows no
    padding; with several processes each normalises by its own part of the batch, as
    ESPnet's Conformer does.

    Args:
        num_features (int): Number of features, d_model.

    Examples:
        >>> norm = FrameBatchNorm(8)
        >>> x = torch.randn(2, 100, 8)
        >>> y = norm(x, lengths=torch.tensor([100, 60]))
        >>> round(torch.cat([y[0], y[1, :60]]).square().mean().item(), 3)
        1.0
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    eps, momentum = 1e-5, 0.1  # torch's

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features
        self.weight = nn.Parameter(torch.empty(num_features))
        self.bias = nn.Parameter(torch.empty(num_features))
        self.register_buffer("running_mean", torch.empty(num_features))
        self.register_buffer("running_var", torch.empty(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as torch does: scale and variance 1, shift and mean 0."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)
        self.running_mean.zero_()
        self.running_var.fill_(1.0)
        self.num_batches_tracked.zero_()

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"{self.num_features}"

    def forward(self, input: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Normalise every feature, and scale and shift it.

        Args:
            input (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,).

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        x = input.to(torch.promote_types(input.dtype, torch.float32))
        if self.training:
            mean, var = self._statistics(x, lengths)
        else:
            mean, var = self.running_mean, self.running_var
        scale = self.weight * torch.rsqrt(var + self.eps)
        return torch.addcmul(self.bias, x - mean, scale).to(input.dtype)

    def _statistics(
        self, x: Tensor, lengths: Optional[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the batch, and let the running ones follow."""
        weights = x.new_ones(x.shape[:2])
        if lengths is not None:
            weights = valid_frames(lengths, x).to(x.dtype)
        count = weights.sum().clamp(min=1)
        mean = _sum(weights, x) / count
        squares = _sum(weights, (x - mean).square())
        with torch.no_grad():
            unbiased = squares / (count - 1).clamp(min=1)
            self.num_batches_tracked.add_(1)
            _follow(self.running_mean, mean, self.momentum)
            _follow(self.running_var, unbiased, self.momentum)
        return mean, squares / count


def _sum(weights: Tensor, x: Tensor) -> Tensor:
    """Sum over all frames, which a matrix product would do less exactly."""
    return (weights.unsqueeze(-1) * x).sum(dim=(0, 1))


def _follow(running: Tensor, current: Tensor, momentum: float) -> None:
    running.lerp_(current.to(running.dtype), momentum)
