"""The heads of self-attention: their parameters, and what each looks at."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.layers.attention.blocks import Blocks, block_size
from espnet_residuals.layers.attention.limits import Limits, masked_score
from espnet_residuals.layers.attention.relative_positions import (
    by_key,
    by_key_in_band,
    encodings,
)
from espnet_residuals.layers.attention.rotary import rotate
from espnet_residuals.layers.attention.weighing import weigh
from espnet_residuals.nn.dropout import Dropout


class Heads(nn.Module):
    """Parameters of self-attention, named as in ESPnet, and attention with them.

    Args:
        d_model (int): Number of features.
        n_head (int): Number of heads; divides ``d_model``.
        positions (Optional[str]): ``relative``, ``rotary`` or None.
        dropout (float): Dropout rate of the attention weights.
        limits (Limits): How far a frame sees.

    Examples:
        >>> heads = Heads(8, 2, None, 0.0, Limits(None, None))
        >>> heads.attend(*heads.split(torch.ones(1, 10, 8))).shape
        torch.Size([1, 10, 8])
    """

    def __init__(
        self,
        d_model: int,
        n_head: int,
        positions: Optional[str],
        dropout: float,
        limits: Limits,
    ) -> None:
        super().__init__()
        self.n_head = n_head
        self.positions = positions
        self.dropout = Dropout(dropout)
        self.left_context, self.look_ahead = limits
        self.linear_q = nn.Linear(d_model, d_model)
        self.linear_k = nn.Linear(d_model, d_model)
        self.linear_v = nn.Linear(d_model, d_model)
        self.linear_out = nn.Linear(d_model, d_model)
        if self.positions == "relative":
            self.linear_pos = nn.Linear(d_model, d_model, bias=False)
            self.pos_bias_u = nn.Parameter(torch.empty(n_head, d_model // n_head))
            self.pos_bias_v = nn.Parameter(torch.empty_like(self.pos_bias_u))

    @property
    def limits(self) -> Limits:
        """How far a frame sees."""
        return Limits(self.left_context, self.look_ahead)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the heads see of frames.

        Args:
            x (Tensor): Frames, (batch, length, d_model).

        Returns:
            tuple[Tensor, Tensor, Tensor]: Queries, keys and values, (batch, n_head,
            length, d_k).
        """
        q, k, v = (
            linear(x).unflatten(-1, (self.n_head, -1)).transpose(1, 2)
            for linear in (self.linear_q, self.linear_k, self.linear_v)
        )
        return q, k, v

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        before: int = 0,
        valid: Optional[Tensor] = None,
    ) -> Tensor:
        """Return what the heads say of each query, side by side.

        Args:
            q (Tensor): Queries, (batch, n_head, n_queries, d_k).
            k (Tensor): Keys, (batch, n_head, n_keys, d_k).
            v (Tensor): Values, shaped as the keys.
            before (int): Number of keys before the first query, at most
                ``left_context``.
            valid (Optional[Tensor]): Which keys are no padding, bool, (batch, n_keys).

        Returns:
            Tensor: Means of values, (batch, n_queries, d_model).
        """
        if self.positions == "rotary":
            q, k = rotate(q, first=before), rotate(k)
        if self._is_cut(q.size(2)):
            y = self._attend_in_blocks(q, k, v, before, valid)
        else:
            y = self._attend_to_all(q, k, v, before, valid)
        return y.transpose(1, 2).flatten(2)

    def _is_cut(self, n_queries: int) -> bool:
        """Return whether blocks cost less; a graph for every length has them always."""
        if self.left_context is None or self.look_ahead is None:
            return False
        size = block_size(self.left_context + self.look_ahead)
        return torch.compiler.is_compiling() or n_queries > size

    def _attend_to_all(
        self, q: Tensor, k: Tensor, v: Tensor, before: int, valid: Optional[Tensor]
    ) -> Tensor:
        if self.limits == (None, 0) and self.positions != "relative":
            return weigh(q, k, v, None, self.dropout, is_causal=True)
        mask = self.limits.mask(q, k.size(2), before, valid)
        if self.positions == "relative":
            n = q.size(2)
            scores = self._distance_scores(q, before + n - 1, n + k.size(2))
            scores = by_key(scores, k.size(2))
            mask = scores if mask is None else scores + mask
            q = q + self.pos_bias_u.to(q.dtype).unsqueeze(1)
        return weigh(q, k, v, mask, self.dropout)

    def _attend_in_blocks(
        self, q: Tensor, k: Tensor, v: Tensor, before: int, valid: Optional[Tensor]
    ) -> Tensor:
        left, right = self.left_context, self.look_ahead
        assert left is not None and right is not None
        blocks = Blocks(q.size(2), before, left, right)
        batch, n_distances = q.size(0), left + right + 1
        q = blocks.queries(q)
        if self.positions == "relative":
            scores = self._distance_scores(q, left, n_distances)
            q = q + self.pos_bias_u.to(q.dtype).unsqueeze(1)
        else:
            scores = q.new_zeros(q.size(2), n_distances)
        band = by_key_in_band(scores, masked_score(q.dtype))
        mask = band + blocks.mask(k, valid)
        y = weigh(q, blocks.keys(k), blocks.keys(v), mask, self.dropout)
        return blocks.join(y, batch)

    def _distance_scores(self, q: Tensor, first: int, count: int) -> Tensor:
        """Return scores of falling distances, (batch, n_head, n_queries, count)."""
        weight = self.linear_pos.weight
        encoded = encodings(first, count, weight.size(1), weight.dtype, q.device)
        p = self.linear_pos(encoded).unflatten(-1, (self.n_head, -1)).permute(1, 2, 0)
        q = (q + self.pos_bias_v.to(q.dtype).unsqueeze(1)) * q.size(-1) ** -0.5
        return q @ p
