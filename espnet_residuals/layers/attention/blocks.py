"""Blocks of queries, each with the window of keys that its queries see."""

from typing import NamedTuple, Optional, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.layers.attention.limits import additive

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
        return self._cut(x, 0, self._n_blocks).flatten(0, 1)

    def keys(self, x: Tensor) -> Tensor:
        """Cut out what each block of queries sees.

        Args:
            x (Tensor): Keys or values, (batch, n_head, n_keys, d_k).

        Returns:
            Tensor: Windows, (batch * n_blocks, n_head, left_context + size +
            look_ahead, d_k). What is before the first key or behind the last is zero.
        """
        cut = self._cut(x, self.left_context - self.before, self._n_blocks + 1)
        ahead = cut[:, 1:, :, : self.left_context + self.look_ahead]
        return torch.cat((cut[:, :-1], ahead), dim=-2).flatten(0, 1)

    def mask(self, k: Tensor, valid: Optional[Tensor] = None) -> Tensor:
        """Return what to add to the scores of the keys in each window.

        Args:
            k (Tensor): Keys, (batch, n_head, n_keys, d_k).
            valid (Optional[Tensor]): Which of them are no padding, bool, (batch,
                n_keys).

        Returns:
            Tensor: 0 where there is a key, (batch * n_blocks, 1, 1, window), of the
            dtype of ``k``.
        """
        exists = torch.ones_like(k[:, 0, :, 0], dtype=torch.bool)
        if valid is not None:
            exists = valid
        windows = self.keys(exists.to(k.dtype)[:, None, :, None])
        return additive(windows.transpose(-2, -1) > 0, k.dtype)

    def join(self, x: Tensor, batch: int) -> Tensor:
        """Undo :meth:`queries`.

        Args:
            x (Tensor): Blocks, (batch * n_blocks, n_head, size, d_k).
            batch (int): Number of sequences.

        Returns:
            Tensor: Frames, (batch, n_head, n_queries, d_k).
        """
        blocks = x.unflatten(0, (batch, -1)).transpose(1, 2)
        frames = blocks.flatten(2, 3)
        # A copy also where nothing is cut off, so that one graph serves every length.
        return F.pad(frames, (0, 0, 0, self.n_queries - frames.size(2)))

    @property
    def _n_blocks(self) -> int:
        """At least two, so that a compiled graph for many serves few as well."""
        needed = (self.n_queries + self.size - 1) // self.size
        return cast(int, torch.sym_max(2, needed))

    def _cut(self, x: Tensor, front: int, n_blocks: int) -> Tensor:
        """Return (batch, n_blocks, n_head, size, d_k), zero in front and behind."""
        back = n_blocks * self.size - front - x.size(2)
        padded = F.pad(x, (0, 0, front, back))
        return padded.unflatten(2, (n_blocks, self.size)).transpose(1, 2)
