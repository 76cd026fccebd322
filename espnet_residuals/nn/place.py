"""Where the frames of a chunk lie in their recordings."""

from typing import NamedTuple

import torch
from torch import Tensor


class Place(NamedTuple):
    """Place of a chunk of which not all frames belong to its recordings.

    In a graph of fixed shapes every chunk has the same number of frames: what looks
    ahead starts with frames from before the recording, and goes on behind its end.

    Attributes:
        first (Tensor): Number of the chunk's first frame in each recording, (batch,);
            negative before its start.
        lengths (Tensor): Frames of each recording as far as it has come, (batch,).

    Examples:
        >>> place = Place(torch.tensor([-2]), torch.tensor([1]))
        >>> place.valid(4), place.delayed(1).valid(4)
        (tensor([[False, False,  True, False]]), tensor([[False, False, False,  True]]))
    """

    first: Tensor
    lengths: Tensor

    def valid(self, length: int, before: int = 0) -> Tensor:
        """Return which frames belong to the recordings.

        Args:
            length (int): Frames of the chunk.
            before (int): Frames before the chunk that are asked for, too.

        Returns:
            Tensor: Whether they do, bool, (batch, before + length).
        """
        numbers = torch.arange(-before, length, device=self.first.device)
        frames = self.first.unsqueeze(-1) + numbers
        return (frames >= 0) & (frames < self.lengths.unsqueeze(-1))

    def mask(self, x: Tensor) -> Tensor:
        """Set the frames to zero that do not belong to the recordings.

        Args:
            x (Tensor): The frames of the chunk, (batch, length, d_model).

        Returns:
            Tensor: The frames, (batch, length, d_model).
        """
        return x.masked_fill(~self.valid(x.size(1)).unsqueeze(-1), 0.0)

    def delayed(self, n_frames: int) -> "Place":
        """Return the place of a chunk that starts some frames earlier.

        Args:
            n_frames (int): How many.

        Returns:
            Place: The place.
        """
        return Place(self.first - n_frames, self.lengths)
