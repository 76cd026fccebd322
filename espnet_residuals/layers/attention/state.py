"""What a stream keeps of the frames before."""

from typing import NamedTuple

import torch
from torch import Tensor


class AttentionState(NamedTuple):
    """What later frames need of those before.

    Attributes:
        queries (Tensor): Of frames whose output is still to come, (batch, n_head,
            length, d_k), at most ``look_ahead``.
        keys (Tensor): Of these and of the ``left_context`` frames before them.
        values (Tensor): Likewise.

    Examples:
        >>> x = torch.zeros(1, 2, 10, 4)
        >>> state = AttentionState(x, x, x).without(n_ready=8, left_context=3)
        >>> [part.size(2) for part in state]
        [2, 5, 5]
    """

    queries: Tensor
    keys: Tensor
    values: Tensor

    @property
    def before(self) -> int:
        """Number of keys before the first query."""
        return self.keys.size(2) - self.queries.size(2)

    def followed_by(self, q: Tensor, k: Tensor, v: Tensor) -> "AttentionState":
        """Return the state with more frames.

        Args:
            q (Tensor): Their queries, (batch, n_head, length, d_k).
            k (Tensor): Their keys.
            v (Tensor): Their values.

        Returns:
            AttentionState: All frames.
        """
        pairs = zip(self, (q, k, v), strict=True)
        return AttentionState(*(torch.cat(pair, dim=2) for pair in pairs))

    def without(self, n_ready: int, left_context: int) -> "AttentionState":
        """Return the state without what no later frame needs.

        Args:
            n_ready (int): Number of queries whose output is there.
            left_context (int): Frames that a frame sees before it.

        Returns:
            AttentionState: The frames that are left.
        """
        first = max(0, self.before + n_ready - left_context)
        return AttentionState(
            self.queries[:, :, n_ready:],
            self.keys[:, :, first:],
            self.values[:, :, first:],
        )
