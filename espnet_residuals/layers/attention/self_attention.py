"""Multi-head self-attention: the layer ``mha``."""

from typing import Optional, Union

import torch
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_integer,
    check_number,
)
from espnet_residuals.layers.attention.heads import Heads
from espnet_residuals.layers.attention.limits import Limits
from espnet_residuals.layers.attention.own_frame import OWN_WEIGHT, own_frame
from espnet_residuals.layers.attention.start import start_relative_, start_rotary_
from espnet_residuals.layers.attention.state import AttentionState
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.nn.place import Place
from espnet_residuals.start import check_start_gain, orthogonal_


class SelfAttention(Heads):
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
        n_head = check_integer("n_head", n_head, minimum=1)
        check_choice("positions", positions, ("relative", "rotary", None))
        _check_sizes(d_model, n_head, positions)
        rate = check_number("dropout", dropout, minimum=0, below=1)
        limits = Limits(
            _check_limit("left_context", left_context),
            _check_limit("look_ahead", look_ahead),
        )
        super().__init__(d_model, n_head, positions, rate, limits)
        self.start_gain = check_start_gain(start_gain)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        for module in (m for m in self.children() if isinstance(m, nn.Linear)):
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
        for linear in (self.linear_v, self.linear_out):
            nn.init.zeros_(linear.bias)
        orthogonal_(self.linear_v.weight, 1.0)
        if self.positions is not None:
            gain *= self._start_positions()
        orthogonal_(self.linear_out.weight, gain)

    def _start_positions(self) -> float:
        """Return the factor that makes up for what is lost beside the own frame."""
        nn.init.zeros_(self.linear_q.weight)
        if self.positions == "relative":
            nn.init.zeros_(self.linear_q.bias)
            nn.init.zeros_(self.pos_bias_u)
            own = own_frame(self.linear_pos.in_features, self.limits)
            start_relative_(self.linear_pos, self.pos_bias_v, own)
        else:
            own = own_frame(self.linear_q.out_features // self.n_head, self.limits)
            start_rotary_(self.linear_q, self.linear_k, self.n_head, own)
        return max(own.weight, OWN_WEIGHT) ** -0.5

    def output_weights(self) -> list[Tensor]:
        """Return the weights that the size of the output depends on.

        Returns:
            list[Tensor]: Those of the values and of the output.
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
        if lengths is None:
            return self.linear_out(self.attend(*self.split(x)))
        valid = valid_frames(lengths, x)
        padding = ~valid.unsqueeze(-1)
        qkv = self.split(x.masked_fill(padding, 0.0))
        # A causal frame never sees what is behind the lengths.
        y = self.attend(*qkv, valid=None if self.look_ahead == 0 else valid)
        # A frame that sees no key has an output and a gradient of no meaning.
        return self.linear_out(y.masked_fill(padding, 0.0))

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
        for key, limit in self.limits._asdict().items():
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
        self, x: Tensor, state: AttentionState, place: Optional[Place] = None
    ) -> tuple[Tensor, AttentionState]:
        """Process the next frames of sequences that have begun before.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid.
            state (AttentionState): State before them; it is not changed.
            place (Optional[Place]): Where the frames lie in their recordings; those
                that do not belong to them change nothing. None: all belong to them.

        Returns:
            tuple[Tensor, AttentionState]: Output of the frames whose ``look_ahead``
            frames are there, (batch, length, d_model), and the state behind the frames.
        """
        left, right = self.left_context, self.look_ahead
        assert left is not None and right is not None
        valid = None
        if place is not None:
            x, valid = place.mask(x), place.valid(x.size(1), state.keys.size(2))
        state = state.followed_by(*self.split(x))
        n_ready = max(0, state.queries.size(2) - right)
        return self._output(state, n_ready, valid), state.without(n_ready, left)

    def finish(self, state: AttentionState) -> Tensor:
        """Return the last frames, after the end of the recording.

        Args:
            state (AttentionState): State behind all frames.

        Returns:
            Tensor: Output, (batch, length, d_model), at most ``look_ahead`` frames.
        """
        return self._output(state, state.queries.size(2))

    def _output(
        self, state: AttentionState, n_ready: int, valid: Optional[Tensor] = None
    ) -> Tensor:
        q, k, v = state
        if n_ready == 0:
            return q.new_zeros(q.size(0), 0, self.linear_out.out_features)
        y = self.attend(q[:, :, :n_ready], k, v, state.before, valid)
        return self.linear_out(y)


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
