"""The measures of a stream, of a residual connection, and of a gradient."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Parts(NamedTuple):
    """The two parts of a stream behind a residual connection.

    Attributes:
        new (Tensor): What the branch brings, (batch, length, d_model).
        kept (Tensor): What is kept of the input, (batch, length, d_model).
    """

    new: Tensor
    kept: Tensor


def split(residual: nn.Module, x: Tensor, y: Tensor, z: Tensor) -> Parts:
    """Return the parts of the output of a residual function f.

    What is kept is f(x, 0), what is new f(x, y) - f(x, 0). For the second call the
    module is in evaluation mode, so that a module that counts its calls does not count
    this one.

    Args:
        residual (nn.Module): The function.
        x (Tensor): Input of the sublayer, (batch, length, d_model).
        y (Tensor): Output of the branch, (batch, length, d_model).
        z (Tensor): Output of the function, (batch, length, d_model).

    Returns:
        Parts: The parts; no gradient passes through them.

    Examples:
        >>> from espnet_residuals import DecayResidual
        >>> decay = DecayResidual(4, 1, 1, l2=False)
        >>> x, y = torch.tensor([[[2.0]]]), torch.tensor([[[6.0]]])
        >>> split(decay, x, y, decay(x, y))
        Parts(new=tensor([[[3.]]]), kept=tensor([[[1.]]]))
    """
    was_training = residual.training
    residual.training = False
    with torch.no_grad():
        kept = residual.forward(x.detach(), torch.zeros_like(y))
    residual.training = was_training
    return Parts(z.detach() - kept, kept)


def sum_of_squares(stream: Tensor, valid: Tensor) -> Tensor:
    """Return the sum of the squares of all features of the valid frames.

    Args:
        stream (Tensor): Frames, (batch, length, d_model).
        valid (Tensor): Which frames count, bool, (batch, length).

    Returns:
        Tensor: The sum, in float32 at least, ().

    Examples:
        >>> valid = torch.tensor([[True, True, False]])
        >>> sum_of_squares(torch.full((1, 3, 2), 3.0), valid)
        tensor(36.)
    """
    wide = stream.detach().to(torch.promote_types(stream.dtype, torch.float32))
    return wide.square().sum(dim=-1).masked_fill(~valid, 0.0).sum()


def gradient_norm(module: nn.Module) -> Tensor:
    """Return the norm of the gradient of all parameters of a module.

    Args:
        module (nn.Module): The module.

    Returns:
        Tensor: The norm, (); 0 where there is no gradient.

    Examples:
        >>> scale = nn.Linear(1, 1)
        >>> scale(torch.tensor([[3.0]])).backward()
        >>> gradient_norm(scale).square().round()
        tensor(10.)
    """
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    return nn.utils.get_total_norm(gradients)
