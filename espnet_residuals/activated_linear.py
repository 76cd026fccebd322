"""The activation between two linear maps, forgotten and computed again when needed."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from espnet_residuals.dropout import Dropout
from espnet_residuals.transformed import is_transformed


def activated_linear(x: Tensor, dropout: Dropout, linear: nn.Module) -> Tensor:
    """Return ``linear(dropout(gelu(x)))``.

    Autograd would keep ``x``, the activation and what dropout did, which is most of
    what a feed-forward layer keeps. In training only ``x`` and a mask of one byte a
    value stay, and the activation is computed once more in the backward pass (Chen et
    al., "Training Deep Nets with Sublinear Memory Cost", 2016,
    https://arxiv.org/abs/1604.06174). The linear map is not.

    Args:
        x (Tensor): Input, (batch, length, features).
        dropout (Dropout): Dropout behind the activation.
        linear (nn.Module): The map, from and to (batch, length, features).

    Returns:
        Tensor: Output of ``linear``.

    Examples:
        >>> linear = nn.Linear(8, 4)
        >>> activated_linear(torch.ones(2, 100, 8), Dropout(0.1), linear).shape
        torch.Size([2, 100, 4])
    """
    if is_transformed() or not torch.is_grad_enabled():
        return linear(dropout(F.gelu(x)))
    if not dropout.is_active():
        return checkpoint(lambda x: linear(F.gelu(x)), x, use_reentrant=False)
    return checkpoint(
        lambda x, mask: linear(dropout.apply_mask(F.gelu(x), mask)),
        x,
        dropout.draw_mask(x),
        use_reentrant=False,
    )
