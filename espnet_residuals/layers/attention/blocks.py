"""Blocks of queries, each with the window of keys that its queries see."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

SMALLEST_BLOCK = 64


def block_size(window: int) -> int:
    """Return how many queries share a window of keys.

    Args:
        window (int): Frames that a frame sees beside itself.

    Returns:
        int: Number of queries.

    Examples:
        >>> block_size(10), block_size(199)
        (64, 200)
    """
    return max(window + 1, SMALLEST_BLOCK)


class Blocks(NamedTuple):
    """How queries are cut, so that time and memory are linear in their number.

    Attributes:
        n_queries (int): Number of queries.
        before (int): Number of keys before the first query, at most ``left_context``.
        left_context (int): Frames that a query sees before it.
        look_ahead (int): Frames that it sees after it.

    Examples:
        >>> import torch
        >>> blocks = Blocks(n_queries=100, before=0, left_context=2, look_ahead=1)
        >>> x = torch.randn(3, 4, 100, 8)
        >>> blocks.queries(x).shape, blocks.keys(x).shape
        (torch.Size([6, 4, 64, 8]), torch.Size([6, 4, 67, 8]))
        >>> torch.equal(blocks.join(blocks.queries(x), 3), x)
        True
    """

    n_queries: int
    before: int
    left_context: int
    look_ahead: int

    @property
    def size(self) -> int:
        """Number of queries in a block."""
        return block_size(self.left_context + self.look_ahead)

    def queries(self, x: Tensor) -> Tensor:
        """Cut queries; the last block is filled up with zeros.

        Args:
            x (Tensor): Queries, (batch, n_head, n_queries, d_k).

        Returns:
            Tensor: Blocks, (batch * n_blocks, n_head, size, d_k).
        """
        return self._cut(x, 0, 0)

    def keys(self, x: Tensor) -> Tensor:
        """Cut out what each block of queries sees.

        Args:
            x (Tensor): Keys or values, (batch, n_head, n_keys, d_k).

        Returns:
            Tensor: Windows, (batch * n_blocks, n_head, left_context + size +
            look_ahead, d_k). What is before the first key or behind the last is zero.
        """
        window = self.left_context + self.look_ahead
        return self._cut(x, self.left_context - self.before, window)

    def join(self, x: Tensor, batch: int) -> Tensor:
        """Undo :meth:`queries`.

        Args:
            x (Tensor): Blocks, (batch * n_blocks, n_head, size, d_k).
            batch (int): Number of sequences.

        Returns:
            Tensor: Frames, (batch, n_head, n_queries, d_k).
        """
        blocks = x.unflatten(0, (batch, -1)).transpose(1, 2)
        return blocks.flatten(2, 3)[:, :, : self.n_queries]

    def _cut(self, x: Tensor, front: int, window: int) -> Tensor:
        n_blocks = (self.n_queries + self.size - 1) // self.size
        back = n_blocks * self.size + window - front - x.size(2)
        padded = F.pad(x, (0, 0, front, back))
        cut = padded.unfold(2, self.size + window, self.size)
        return cut.permute(0, 2, 1, 4, 3).flatten(0, 1)
