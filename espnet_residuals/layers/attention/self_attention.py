"""Multi-head self-attention: the layer ``mha``."""

from typing import NamedTuple, Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_integer,
    check_number,
)
from espnet_residuals.layers.attention.blocks import Blocks, block_size
from espnet_residuals.layers.attention.limits import Limits, additive, masked_score
from espnet_residuals.layers.attention.own_frame import own_frame
from espnet_residuals.layers.attention.relative_positions import (
    by_key,
    by_key_in_band,
    encodings,
)
from espnet_residuals.layers.attention.rotary import rotate
from espnet_residuals.lengths import valid_frames
from espnet_residuals.start import check_start_gain, orthogonal_

# Root mean square at the start of what rotary positions make of a key's content, beside
# scores of positions of more than 10.
CONTENT_SCORE = 0.25


class AttentionState(NamedTuple):
    """What later frames need of those before.

    Attributes:
        queries (Tensor): Of frames whose output is still to come, (batch, n_head,
            length, d_k), at most ``look_ahead``.
        keys (Tensor): Of these and of the ``left_context`` frames before them.
        values (Tensor): Likewise.
    """

    queries: Tensor
    keys: Tensor
    values: Tensor


class SelfAttention(nn.Module):
    """Multi-head self-attention.

    Vaswani et al., "Attention Is All You Need" (NeurIPS 2017,
    https://arxiv.org/abs/1706.03762), section 3.2.2. Positions are ``relative`` as in
    ESPnet's conformer (Dai et al., "Transformer-XL", ACL 2019,
    https://arxiv.org/abs/1901.02860, section 3.3), ``rotary`` (Su et al., "RoFormer",
    2021, https://arxiv.org/abs/2104.09864), or None. Parameters have the names that
    they have in ESPnet, and give what they give there.

    With ``left_context`` and ``look_ahead`` time and memory are linear in the length,
    and the layer streams.

    At the start every frame looks at itself before all others
    (:mod:`espnet_residuals.layers.attention.own_frame`): queries of content are 0, and
    the positions alone score. Without positions a frame cannot know itself: then it
    starts with a mean over all frames, which has less power than they have.

    Args:
        d_model (int): Number of features.
        n_head (int): Number of heads.
        positions (Optional[str]): ``relative``, ``rotary`` or None.
        dropout (Union[float, str]): Dropout rate of the attention weights.
        left_context (Optional[int]): Frames that a frame sees before it; None for all.
        look_ahead (Optional[int]): Frames that a frame sees after it; None for all, 0
            for a causal layer.
        start_gain (Optional[float]): Root mean square of the output at the start, for
            input of root mean square 1 (:mod:`espnet_residuals.start`); None for
            parameters as ESPnet draws them.

    Raises:
        ConfigError: If an option is not valid, ``n_head`` does not divide ``d_model``,
            or the positions need an even number of features.

    Examples:
        >>> layer = SelfAttention(8, n_head=2, left_context=10, look_ahead=2)
        >>> x = torch.randn(1, 100, 8)
        >>> layer(x, lengths=torch.tensor([60])).shape
        torch.Size([1, 100, 8])
        >>> y, state = layer.forward_chunk(x, layer.default_state(batch_size=1))
        >>> y.shape, layer.finish(state).shape
        (torch.Size([1, 98, 8]), torch.Size([1, 2, 8]))
    """

    def __init__(
        self,
        d_model: int,
        n_head: int = 4,
        positions: Optional[str] = "relative",
        dropout: Union[float, str] = 0.0,
        left_context: Optional[int] = None,
        look_ahead: Optional[int] = None,
        start_gain: Optional[float] = 1.0,
    ) -> None:
        super().__init__()
        self.n_head = check_integer("n_head", n_head, minimum=1)
        self.positions = check_choice(
            "positions", positions, ("relative", "rotary", None)
        )
        _check_sizes(d_model, n_head, positions)
        self.dropout = check_number("dropout", dropout, minimum=0, below=1)
        self.left_context = _check_limit("left_context", left_context)
        self.look_ahead = _check_limit("look_ahead", look_ahead)
        self.start_gain = check_start_gain(start_gain)
        self.linear_q = nn.Linear(d_model, d_model)
        self.linear_k = nn.Linear(d_model, d_model)
        self.linear_v = nn.Linear(d_model, d_model)
        self.linear_out = nn.Linear(d_model, d_model)
        if positions == "relative":
            self.linear_pos = nn.Linear(d_model, d_model, bias=False)
            self.pos_bias_u = nn.Parameter(torch.empty(n_head, d_model // n_head))
            self.pos_bias_v = nn.Parameter(torch.empty(n_head, d_model // n_head))
        self.reset_parameters()

    @property
    def _limits(self) -> Limits:
        return Limits(self.left_context, self.look_ahead)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        for module in self.children():
            module.reset_parameters()
        if self.positions == "relative":
            nn.init.xavier_uniform_(self.pos_bias_u)
            nn.init.xavier_uniform_(self.pos_bias_v)
        if self.start_gain is not None:
            self._start(self.start_gain)

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:`` has overwritten it."""
        if self.start_gain is not None:
            self.reset_parameters()

    def _start(self, gain: float) -> None:
        own_weight = 1.0
        if self.positions == "relative":
            own_weight = self._start_relative()
        if self.positions == "rotary":
            own_weight = self._start_rotary()
        nn.init.zeros_(self.linear_v.bias)
        nn.init.zeros_(self.linear_out.bias)
        orthogonal_(self.linear_v.weight, 1.0)
        orthogonal_(self.linear_out.weight, gain / own_weight**0.5)

    @torch.no_grad()
    def _start_relative(self) -> float:
        """Give every head, through ``pos_bias_v``, the scores of the own frame."""
        scores, own_weight = own_frame(self.linear_pos.in_features, self._limits)
        for parameter in (self.linear_q.weight, self.linear_q.bias, self.pos_bias_u):
            nn.init.zeros_(parameter)
        nn.init.ones_(self.pos_bias_v)
        rows = self.linear_pos.weight.unflatten(0, (self.n_head, -1))
        rows -= rows.mean(dim=1, keepdim=True)
        rows[..., 1::2] += scores.to(rows) / rows.size(1) ** 0.5
        return own_weight

    @torch.no_grad()
    def _start_rotary(self) -> float:
        """Give every head, through the biases, the scores of the own frame."""
        d_k = self.linear_q.out_features // self.n_head
        scores, own_weight = own_frame(d_k, self._limits)
        pairs = (scores * d_k**0.5).sqrt()
        bias = torch.cat((pairs, torch.zeros_like(pairs))).repeat(self.n_head)
        self.linear_q.bias.copy_(bias)
        self.linear_k.bias.copy_(bias)
        nn.init.zeros_(self.linear_q.weight)
        orthogonal_(self.linear_k.weight, CONTENT_SCORE * d_k**0.5 / pairs.norm().item())
        return own_weight

    def output_weights(self) -> list[nn.Parameter]:
        """Return the weights that the size of the output depends on.

        Returns:
            list[nn.Parameter]: Those of the values and of the output.
        """
        return [self.linear_v.weight, self.linear_out.weight]

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Attend from every frame to every valid one within the limits.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Number of valid frames of each sequence,
                (batch,); the frames behind are not read. None: all are valid.

        Returns:
            Tensor: Output, (batch, length, d_model); frames behind the length of their
            sequence hold no meaning.
        """
        valid = None
        if lengths is not None:
            valid = valid_frames(lengths, x)
            x = x.masked_fill(~valid.unsqueeze(-1), 0.0)
        return self._merge(self._attend(*self._split(x), valid=valid))

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, (batch, n_head, length, d_k)."""
        q, k, v = (
            linear(x).unflatten(-1, (self.n_head, -1)).transpose(1, 2)
            for linear in (self.linear_q, self.linear_k, self.linear_v)
        )
        return q, k, v

    def _merge(self, y: Tensor) -> Tensor:
        return self.linear_out(y.transpose(1, 2).flatten(2))

    def _attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        before: int = 0,
        valid: Optional[Tensor] = None,
    ) -> Tensor:
        """Attend, with ``before`` keys before the first query."""
        if self.look_ahead == 0:
            valid = None  # What is behind the lengths is never seen.
        if self.positions == "rotary":
            q, k = rotate(q, first=before), rotate(k)
        window = self._limits.window()
        if window is not None and (
            torch.compiler.is_compiling() or q.size(2) > block_size(window)
        ):
            return self._attend_in_blocks(q, k, v, before, valid)
        return self._attend_to_all(q, k, v, before, valid)

    def _attend_to_all(
        self, q: Tensor, k: Tensor, v: Tensor, before: int, valid: Optional[Tensor]
    ) -> Tensor:
        mask = self._mask(q, k.size(2), before, valid)
        if self.positions == "relative":
            n = q.size(2)
            scores = self._position_scores(q, before + n - 1, n + k.size(2))
            scores = by_key(scores, k.size(2))
            mask = scores if mask is None else scores + mask
            q = q + self.pos_bias_u.to(q.dtype).unsqueeze(1)
        return self._weigh(q, k, v, mask)

    def _mask(
        self, q: Tensor, n_keys: int, before: int, valid: Optional[Tensor]
    ) -> Optional[Tensor]:
        """Return what to add to the scores, (batch, 1, n_queries, n_keys), or None."""
        mask = None
        if valid is not None:
            mask = additive(valid[:, None, None], q.dtype)
        if self._limits != (None, None):
            queries = before + torch.arange(q.size(2), device=q.device)
            distances = queries.unsqueeze(-1) - torch.arange(n_keys, device=q.device)
            band = additive(self._limits.allowed(distances), q.dtype)
            mask = band if mask is None else band + mask
        return mask

    def _attend_in_blocks(
        self, q: Tensor, k: Tensor, v: Tensor, before: int, valid: Optional[Tensor]
    ) -> Tensor:
        left, right = self.left_context, self.look_ahead
        assert left is not None and right is not None
        blocks = Blocks(q.size(2), before, left, right)
        exists = k.new_ones(1, k.size(2)) if valid is None else valid.to(k.dtype)
        exists = blocks.keys(exists[:, None, :, None]).transpose(-2, -1) > 0
        mask = additive(exists, k.dtype)
        repeats = q.size(0) // (1 if valid is None else q.size(0))
        mask = mask.repeat(repeats, 1, 1, 1)
        batch, q = q.size(0), blocks.queries(q)
        if self.positions == "relative":
            scores = self._position_scores(q, left, left + right + 1)
            mask = mask + by_key_in_band(scores, masked_score(q.dtype))
            q = q + self.pos_bias_u.to(q.dtype).unsqueeze(1)
        else:
            seen = torch.ones(q.size(2), left + right + 1, device=q.device)
            mask = mask + by_key_in_band(seen.sub(1).to(q.dtype), masked_score(q.dtype))
        y = self._weigh(q, blocks.keys(k), blocks.keys(v), mask)
        return blocks.join(y, batch)

    def _position_scores(self, q: Tensor, first: int, count: int) -> Tensor:
        """Return scores of falling distances, (batch, n_head, n_queries, count)."""
        weight = self.linear_pos.weight
        encoded = encodings(first, count, weight.size(1), q.device).to(weight.dtype)
        p = self.linear_pos(encoded).unflatten(-1, (self.n_head, -1)).permute(1, 2, 0)
        q = (q + self.pos_bias_v.to(q.dtype).unsqueeze(1)) * q.size(-1) ** -0.5
        return q @ p

    def _weigh(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Optional[Tensor]
    ) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, mask, dropout)

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> AttentionState:
        """Return the state before the first frame.

        Args:
            batch_size (int): Number of sequences.
            device (Optional[torch.device]): Device; None for that of the parameters.
            dtype (Optional[torch.dtype]): Dtype of the frames; None for that of the
                parameters.

        Returns:
            AttentionState: No frames.

        Raises:
            ConfigError: If a limit is missing.
        """
        for key, limit in self._limits._asdict().items():
            if limit is None:
                raise ConfigError(
                    key, "a layer that sees all frames cannot stream; set a number"
                )
        weight = self.linear_k.weight
        empty = torch.zeros(
            (batch_size, self.n_head, 0, weight.size(0) // self.n_head),
            device=weight.device if device is None else device,
            dtype=dtype or weight.dtype,
        )
        return AttentionState(empty, empty, empty)

    def forward_chunk(
        self, x: Tensor, state: AttentionState
    ) -> tuple[Tensor, AttentionState]:
        """Process the next frames of sequences that have begun before.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid.
            state (AttentionState): State before them; it is not changed.

        Returns:
            tuple[Tensor, AttentionState]: Output of the frames whose ``look_ahead``
            frames are there, (batch, length, d_model), and the state behind the frames.
        """
        left, right = self.left_context, self.look_ahead
        assert left is not None and right is not None
        q, k, v = (
            torch.cat(pair, dim=2) for pair in zip(state, self._split(x), strict=True)
        )
        n_ready = max(0, q.size(2) - right)
        kept = min(k.size(2), q.size(2) - n_ready + left)
        first = k.size(2) - kept
        behind = AttentionState(q[:, :, n_ready:], k[:, :, first:], v[:, :, first:])
        return self._finished(AttentionState(q, k, v), n_ready), behind

    def finish(self, state: AttentionState) -> Tensor:
        """Return the last frames, after the end of the recording.

        Args:
            state (AttentionState): State behind all frames.

        Returns:
            Tensor: Output, (batch, length, d_model), at most ``look_ahead`` frames.
        """
        return self._finished(state, state.queries.size(2))

    def _finished(self, state: AttentionState, n_ready: int) -> Tensor:
        """Return the output of the first queries."""
        q, k, v = state
        before = k.size(2) - q.size(2)
        q = q[:, :, :n_ready]
        if n_ready == 0:
            return self._merge(q)
        return self._merge(self._attend(q, k, v, before))


def _check_sizes(d_model: int, n_head: int, positions: Optional[str]) -> None:
    if d_model % n_head:
        raise ConfigError("n_head", f"must divide d_model={d_model}, got {n_head}")
    if positions == "relative" and d_model % 2:
        raise ConfigError("positions", f"relative needs an even d_model, got {d_model}")
    if positions == "rotary" and d_model // n_head % 2:
        raise ConfigError(
            "positions",
            f"rotary needs an even d_model / n_head, got {d_model} / {n_head}",
        )


def _check_limit(key: str, value: Optional[int]) -> Optional[int]:
    return None if value is None else check_integer(key, value, minimum=0)
