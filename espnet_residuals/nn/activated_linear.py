"""The activation between two linear maps, forgotten and computed again when needed."""

from typing import Optional

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from espnet_residuals.nn.activation import Activation
from espnet_residuals.nn.dropout import Dropout
from espnet_residuals.nn.transformed import is_transformed


def activated_linear(
    x: Tensor,
    activation: Activation,
    linear: nn.Module,
    dropout: Optional[Dropout] = None,
) -> Tensor:
    """Return ``linear(dropout(activation(x)))``.

    Autograd would keep ``x``, the activation and what dropout did, which is most of
    what a feed-forward layer keeps. In training only ``x`` and a mask of one byte a
    value stay, and the activation is computed once more in the backward pass (Chen et
    al., "Training Deep Nets with Sublinear Memory Cost", 2016,
    https://arxiv.org/abs/1604.06174). The linear map is not.

    Args:
        x (Tensor): Input, (batch, length, features).
        activation (Activation): The activation, elementwise.
        linear (nn.Module): The map, from and to (batch, length, features).
        dropout (Optional[Dropout]): Dropout behind the activation.

    Returns:
        Tensor: Output of ``linear``.

    Examples:
        >>> x, linear = torch.ones(2, 100, 8), nn.Linear(8, 4)
        >>> activated_linear(x, torch.relu, linear, Dropout(0.1)).shape
        torch.Size([2, 100, 4])
    """
    if is_transformed() or not torch.is_grad_enabled():
        y = activation(x)
        return linear(y if dropout is None else dropout(y))
    if dropout is None or not dropout.is_active():
        return checkpoint(lambda x: linear(activation(x)), x, use_reentrant=False)
    return checkpoint(
        lambda x, mask: linear(dropout.apply_mask(activation(x), mask)),
        x,
        dropout.draw_mask(x),
        use_reentrant=False,
    )
