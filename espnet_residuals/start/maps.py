"""Starts of the weights of linear maps that leave the power of a frame as it is."""

import torch
from torch import Tensor


@torch.no_grad()
def orthogonal_(weight: Tensor, gain: float) -> None:
    """Fill a weight so that input of power 1 gives output of power ``gain ** 2``.

    Rows or columns, whichever are fewer, are orthogonal and of equal length. For a
    square or a tall weight the power is exact for every single input (Saxe et al.,
    2014, https://arxiv.org/abs/1312.6120).

    Args:
        weight (Tensor): The weight, (out_features, in_features); changed in place.
        gain (float): Ratio of the root mean squares of output and input.

    Examples:
        >>> weight = torch.empty(64, 16)
        >>> orthogonal_(weight, gain=2.0)
        >>> y = torch.ones(1, 16) @ weight.T
        >>> round(y.square().mean().item(), 4)
        4.0
    """
    weight.copy_(_orthogonal(weight) * gain)


@torch.no_grad()
def centred_orthogonal_(weight: Tensor, gain: float) -> None:
    """Fill a weight as :func:`orthogonal_` does, but blind to what all features share.

    Every row has the sum 0.

    Args:
        weight (Tensor): The weight, (out_features, in_features); changed in place.
        gain (float): Ratio of the root mean squares of output and input.

    Examples:
        >>> weight = torch.empty(16, 64)
        >>> centred_orthogonal_(weight, gain=1.0)
        >>> weight.sum(dim=1).abs().max().item() < 1e-5
        True
    """
    rows = _orthogonal(weight)
    weight.copy_((rows - rows.mean(dim=1, keepdim=True)) * gain)


def _orthogonal(weight: Tensor) -> Tensor:
    """Draw in float32, since torch has no QR decomposition in half precision.

    The mean power is that of independent weights of variance 1 / in_features.
    """
    n_out, n_in = weight.shape
    drawn = torch.empty(n_out, n_in, device=weight.device)
    torch.nn.init.orthogonal_(drawn, gain=max(1.0, n_out / n_in) ** 0.5)
    return drawn
