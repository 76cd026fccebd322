"""The Mamba-2 layer."""

from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.nn.place import Place
from espnet_residuals.ssm.gated_norm import GatedRMSNorm
from espnet_residuals.ssm.kernel import CORRELATION
from espnet_residuals.ssm.mirrored_gate import start_output_, start_values_and_gates_
from espnet_residuals.ssm.s4d import KERNEL_GAIN
from espnet_residuals.ssm.scan_power import scale_for_power
from espnet_residuals.ssm.selective_scan import ScanState, SelectiveScan
from espnet_residuals.ssm.ssd import CHUNK
from espnet_residuals.start import check_start_gain, orthogonal_, power

# Frames of a piece of a recording that are scanned at a time.
PIECE = 16 * CHUNK


class Mamba2(SelectiveScan):
    r"""Selective state-space layer with one decay a head.

    Dao and Gu, "Transformers are SSMs" (ICML 2024, https://arxiv.org/abs/2405.21060),
    section 7: a linear map to gates z, values x, B, C and step lengths dt; a short
    causal convolution of x, B and C; the scan with the direct path D; a gated norm; a
    linear map back. The names of the parameters are those of
    ``transformers.models.mamba2``.

    With ``bidirectional`` a second direction starts at the last valid frame of every
    sequence. As in ConMamba (Jiang et al., 2024, https://arxiv.org/abs/2407.09732) both
    share the linear maps, and each has its own convolution, dt_bias, A and D; the
    directions are added before the gate and the norm.

    At the start (:mod:`espnet_residuals.start`) values and gates are those of
    :func:`~espnet_residuals.ssm.mirrored_gate.start_values_and_gates_`, dt is the same
    in all frames, and B and C are scaled so that the state space adds ``KERNEL_GAIN``
    of the direct path, on the average over the heads, which share them.

    Args:
        d_model (int): Number of features.
        expand (int): Width of the hidden features, in multiples of ``d_model``; with 1,
            only half of the input's directions are handed on at the start.
        d_state (int): Size of the state.
        head_dim (int): Features of a head, a divisor of ``expand * d_model``; where
            there are fewer features, there is one head of them all.
        d_conv (int): Frames that the convolution sees.
        bidirectional (bool): Look ahead too.
        dt_min (float): Smallest step length at the start, in frames.
        dt_max (float): Largest step length at the start.
        start_gain (Optional[float]): Root mean square of the output at the start, for
            input of root mean square 1 (:mod:`espnet_residuals.start`); None for maps
            and convolutions as torch draws them.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> layer = Mamba2(d_model=8, d_state=4)
        >>> x = torch.randn(2, 100, 8)
        >>> layer(x, lengths=torch.tensor([100, 60])).shape
        torch.Size([2, 100, 8])
        >>> y, state = layer.forward_chunk(x[:, :30], layer.default_state(batch_size=2))
        >>> y.shape
        torch.Size([2, 30, 8])
    """

    def __init__(
        self,
        d_model: int,
        expand: int = 2,
        d_state: int = 64,
        head_dim: int = 64,
        d_conv: int = 4,
        bidirectional: bool = False,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        start_gain: Optional[float] = 1.0,
    ) -> None:
        hidden = d_model * check_integer("expand", expand, minimum=1)
        head_dim = min(check_integer("head_dim", head_dim, minimum=1), hidden)
        if hidden % head_dim:
            divisor = max(n for n in range(1, head_dim) if hidden % n == 0)
            raise ConfigError(
                "head_dim",
                f"must divide expand * d_model={hidden}, as {divisor} does, got "
                f"{head_dim}",
            )
        dt_min = check_number("dt_min", dt_min, above=0)
        scan = (
            hidden // head_dim,
            head_dim,
            check_integer("d_state", d_state, minimum=1),
            check_integer("d_conv", d_conv, minimum=1),
            dt_min,
            check_number("dt_max", dt_max, minimum=dt_min),
        )
        super().__init__(*scan)
        self.hidden = hidden
        self.start_gain = check_start_gain(start_gain)
        is_bidirectional = check_flag("bidirectional", bidirectional)
        self.reverse = SelectiveScan(*scan) if is_bidirectional else None
        self.in_proj = nn.Linear(
            d_model, 2 * hidden + 2 * d_state + self.n_head, bias=False
        )
        self.norm = GatedRMSNorm(hidden)
        self.out_proj = nn.Linear(hidden, d_model, bias=False)
        if self.start_gain is not None:
            self._start(self.start_gain)

    def _directions(self) -> list[SelectiveScan]:
        return [self] if self.reverse is None else [self, self.reverse]

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        self.in_proj.reset_parameters()
        self.out_proj.reset_parameters()
        self.norm.reset_parameters()
        for direction in self._directions():
            direction.conv1d.reset_parameters()
            direction.reset_steps()
        if self.start_gain is not None:
            self._start(self.start_gain)

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:`` has overwritten it.

        Without a ``start_gain``, those of dt, A and D alone.
        """
        if self.start_gain is not None:
            self.reset_parameters()
            return
        for direction in self._directions():
            direction.reset_steps()

    @torch.no_grad()
    def _start(self, gain: float) -> None:
        for direction in self._directions():
            direction.start_convolution(KERNEL_GAIN)
        z, x, BC, dt = self.in_proj.weight.split(
            [self.hidden, self.hidden, 2 * self.d_state, self.n_head]
        )
        start_values_and_gates_(x, z)
        orthogonal_(BC, self._scale_of_B_and_C())
        nn.init.zeros_(dt)
        start_output_(self.out_proj.weight, gain)

    def _scale_of_B_and_C(self) -> float:
        """Return the scale by which the state space adds a ``KERNEL_GAIN``."""
        if self.dt_bias.is_meta:
            return 1.0
        steps = [direction.steps() for direction in self._directions()]
        dt, log_decay = (torch.stack(values).cpu() for values in zip(*steps))
        direct = len(steps) ** 2 * power(F.silu)
        target = KERNEL_GAIN**2 * direct
        return scale_for_power(target, log_decay, dt, self.d_state, CORRELATION)

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Process whole sequences.

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
        z, xBC, dt = self._project(x)
        y, _ = self.scan(xBC, dt, self.empty_state(xBC))
        if self.reverse is not None:
            y = y + self._scan_back(self.reverse, xBC, dt, valid)
        return self.out_proj(self.norm(y, z))

    def _project(self, x: Tensor) -> tuple[Tensor, ...]:
        channels = self.hidden + 2 * self.d_state
        return self.in_proj(x).split([self.hidden, channels, self.n_head], dim=-1)

    @staticmethod
    def _scan_back(
        reverse: SelectiveScan, xBC: Tensor, dt: Tensor, valid: Optional[Tensor]
    ) -> Tensor:
        """Scan from the last valid frame of each sequence to the first.

        What stands behind it comes first, is 0 to the convolution, and leaves the
        state as it is.
        """
        valid = None if valid is None else valid.flip(1)
        y, _ = reverse.scan(xBC.flip(1), dt.flip(1), reverse.empty_state(xBC), valid)
        return y.flip(1)

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> ScanState:
        """Return the state before the first frame.

        Args:
            batch_size (int): Number of sequences.
            device (Optional[torch.device]): Device; None for that of the parameters.
            dtype (Optional[torch.dtype]): Dtype of the frames; None for that of the
                parameters.

        Returns:
            ScanState: Zeros.

        Raises:
            ConfigError: If the layer looks ahead, so that it has no such state.
        """
        if self.reverse is not None:
            raise ConfigError(
                "bidirectional",
                "a layer that looks ahead cannot stream; set it to false",
            )
        shape = (batch_size, 0, self.hidden + 2 * self.d_state)
        weight = self.in_proj.weight
        return self.empty_state(
            torch.empty(
                shape,
                device=weight.device if device is None else device,
                dtype=dtype or weight.dtype,
            )
        )

    def forward_chunk(
        self, x: Tensor, state: ScanState, place: Optional[Place] = None
    ) -> tuple[Tensor, ScanState]:
        """Process the next frames of sequences that have begun before.

        Cost and memory per frame do not depend on the number of frames.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid.
            state (ScanState): State before them.
            place (Optional[Place]): Where the frames lie in their recordings; those
                that do not belong to them change nothing. None: all belong to them.

        Returns:
            tuple[Tensor, ScanState]: Output, (batch, length, d_model), and the state
            behind the frames.
        """
        if x.size(1) == 0:
            return x, state
        outputs, valid = [], None
        if place is not None:
            x, valid = place.mask(x), place.valid(x.size(1))
        for start in range(0, x.size(1), PIECE):
            frames = slice(start, start + PIECE)
            piece = x[:, frames]
            z, xBC, dt = self._project(piece)
            chunk = min(CHUNK, piece.size(1))
            now = None if valid is None else valid[:, frames]
            y, state = self.scan(xBC, dt, state, now, chunk)
            outputs.append(self.out_proj(self.norm(y, z)))
        return torch.cat(outputs, dim=1), state

    def step(self, x: Tensor, state: ScanState) -> tuple[Tensor, ScanState]:
        """Process one frame of each sequence.

        Args:
            x (Tensor): Input frame, (batch, d_model).
            state (ScanState): State before the frame.

        Returns:
            tuple[Tensor, ScanState]: Output frame, (batch, d_model), and the state
            behind it.
        """
        y, state = self.forward_chunk(x.unsqueeze(1), state)
        return y.squeeze(1), state

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"n_head={self.n_head}, head_dim={self.head_dim}, d_state={self.d_state}, "
            f"d_conv={self.d_conv}, dt_min={self.dt_min}, dt_max={self.dt_max}"
        )
