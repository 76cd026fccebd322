"""Dropout that costs little beside a matrix product, in time and in memory."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.nn.transformed import is_transformed

# Random integers of so many bits decide, so the rate is exact to 1 / 2 ** BITS.
BITS = 16


class Dropout(nn.Dropout):
    """``torch.nn.Dropout`` that is fast on the CPU and stores one byte a value.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting" (JMLR 2014, https://jmlr.org/papers/v15/srivastava14a.html). On the
    CPU torch draws a float for every value, one after the other, and keeps it for the
    backward pass; here one draw of 64 bits serves four values. The rate is rounded to
    a multiple of 2^-16. On other devices, compiled and under ``torch.func``,
    ``forward`` is torch's own; layers that fuse dropout with what is beside it draw
    these masks everywhere.

    Args:
        p (float): Probability of a zero, 0 <= p < 1.

    Examples:
        >>> Dropout(0.5).eval()(torch.ones(2, 3)).sum()
        tensor(6.)
        >>> round(Dropout(0.25)(torch.ones(100_000)).mean().item(), 1)
        1.0
    """

    def forward(self, input: Tensor) -> Tensor:
        """Zero values at random and scale the others, in training.

        Args:
            input (Tensor): Values, of any shape.

        Returns:
            Tensor: The result, shaped as ``input``.
        """
        if not self.is_active():
            return input
        if input.device.type != "cpu" or is_transformed():
            return F.dropout(input, self.p, training=True)
        return self.apply_mask(input, self.draw_mask(input))

    def is_active(self) -> bool:
        """Return whether anything is dropped now."""
        return self.training and self.p > 0.0

    def draw_mask(self, input: Tensor) -> Tensor:
        """Draw which values to keep.

        Args:
            input (Tensor): Values, of any shape.

        Returns:
            Tensor: 1 to keep and 0 to drop, uint8, shaped as ``input``.
        """
        count = input.numel()
        per_draw = 64 // BITS
        draws = torch.empty(
            -(-count // per_draw), dtype=torch.int64, device=input.device
        )
        words = draws.random_(-(2**63), None).view(torch.int16)[:count]
        dropped = min(round(self.p * 2**BITS), 2**BITS - 1)
        return (words >= dropped - 2 ** (BITS - 1)).view(torch.uint8).view(input.shape)

    def apply_mask(self, input: Tensor, mask: Tensor) -> Tensor:
        """Zero what the mask drops and scale what it keeps.

        Args:
            input (Tensor): Values, of any shape.
            mask (Tensor): What :meth:`draw_mask` returned for them.

        Returns:
            Tensor: The result, shaped as ``input``.
        """
        result: Tensor = _Masked.apply(input, mask, 1.0 / (1.0 - self.p))
        return result


class _Masked(torch.autograd.Function):
    """Product of values, a mask and a number; its gradient keeps only the mask."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return mask.to(values.dtype).mul_(scale).mul_(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return _Masked.apply(gradient, mask, ctx.scale), None, None
