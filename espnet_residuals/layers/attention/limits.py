"""Which keys a query sees, and scores that leave the others no weight."""

from typing import NamedTuple, Optional

import torch
from torch import Tensor


class Limits(NamedTuple):
    """How far a frame sees.

    Attributes:
        left_context (Optional[int]): Frames before it; None for all.
        look_ahead (Optional[int]): Frames after it; None for all.
    """

    left_context: Optional[int]
    look_ahead: Optional[int]

    def allowed(self, distances: Tensor) -> Tensor:
        """Return which distances are seen.

        Args:
            distances (Tensor): How many frames the key is before the query.

        Returns:
            Tensor: Whether the query sees the key, bool.

        Examples:
            >>> Limits(1, 0).allowed(torch.tensor([2, 1, 0, -1]))
            tensor([False,  True,  True, False])
        """
        seen = torch.ones_like(distances, dtype=torch.bool)
        if self.left_context is not None:
            seen = seen & (distances <= self.left_context)
        if self.look_ahead is not None:
            seen = seen & (distances >= -self.look_ahead)
        return seen

    def mask(
        self,
        q: Tensor,
        n_keys: int,
        before: int = 0,
        valid: Optional[Tensor] = None,
    ) -> Optional[Tensor]:
        """Return what to add to the scores.

        Args:
            q (Tensor): Queries, (batch, n_head, n_queries, d_k).
            n_keys (int): Number of keys.
            before (int): Number of keys before the first query.
            valid (Optional[Tensor]): Which keys are no padding, bool, (batch, n_keys).

        Returns:
            Optional[Tensor]: Broadcasts to (batch, n_head, n_queries, n_keys), of the
            dtype of ``q``; None if every query sees every key.

        Examples:
            >>> Limits(None, 0).mask(torch.zeros(1, 1, 2, 4), n_keys=2) == 0
            tensor([[ True, False],
                    [ True,  True]])
        """
        mask = None if valid is None else additive(valid[:, None, None], q.dtype)
        if self == (None, None):
            return mask
        queries = before + torch.arange(q.size(2), device=q.device)
        distances = queries.unsqueeze(-1) - torch.arange(n_keys, device=q.device)
        band = additive(self.allowed(distances), q.dtype)
        return band if mask is None else mask + band


def masked_score(dtype: torch.dtype) -> float:
    """Return a score that leaves a key no weight.

    It is finite, so that a query without any key has a finite result and gradient, also
    where two such scores are added.

    Args:
        dtype (torch.dtype): Dtype of the scores.

    Returns:
        float: The score.

    Examples:
        >>> masked_score(torch.float16)
        -16376.0
    """
    return torch.finfo(dtype).min / 4


def additive(seen: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the scores to add for a mask.

    Args:
        seen (Tensor): True for keys that are seen, bool.
        dtype (torch.dtype): Dtype of the scores.

    Returns:
        Tensor: 0 for these and :func:`masked_score` for others.

    Examples:
        >>> additive(torch.tensor([True, False]), torch.float16)
        tensor([     0., -16376.], dtype=torch.float16)
    """
    scores = torch.zeros_like(seen, dtype=dtype)
    return scores.masked_fill(~seen, masked_score(dtype))
