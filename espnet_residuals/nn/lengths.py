"""Which frames of a padded batch are valid."""

import torch
from torch import Tensor


def valid_frames(lengths: Tensor, x: Tensor) -> Tensor:
    """Return which frames of a batch are no padding.

    Args:
        lengths (Tensor): Valid frames of each sequence, (batch,), on any device.
        x (Tensor): The batch, (batch, length, ...).

    Returns:
        Tensor: True for valid frames, bool, (batch, length), on the device of ``x``.

    Examples:
        >>> valid_frames(torch.tensor([3, 1]), torch.zeros(2, 3, 8))
        tensor([[ True,  True,  True],
                [ True, False, False]])
    """
    frames = torch.arange(x.size(1), device=x.device)
    return frames < lengths.to(x.device).unsqueeze(-1)
