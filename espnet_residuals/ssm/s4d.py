"""The S4D layer: state-space convolution, activation, and mixing of the features."""

import math
from typing import Any, Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_flag, check_number
from espnet_residuals.nn.activated_linear import activated_linear
from espnet_residuals.nn.dropout import Dropout
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.nn.place import Place
from espnet_residuals.ssm.autocast import autocast_dtype, without_autocast
from espnet_residuals.ssm.convolution import long_convolution
from espnet_residuals.ssm.kernel import S4DKernel
from espnet_residuals.ssm.recurrence import PIECE
from espnet_residuals.start import (
    KERNEL_GAIN,
    centred_orthogonal_,
    check_start_gain,
    gate_power,
    power,
    spread,
)


class S4D(nn.Module):
    """Diagonal state-space layer.

    Each feature passes through a state-space model of its own, as one long
    convolution plus a direct path D; then GELU, dropout, and a linear map with a gated
    linear unit mix the features. The body is that of ESPnet's ``S4``, the model that
    of Gu et al. (NeurIPS 2022, https://arxiv.org/abs/2206.11893).

    Args:
        d_model (int): Number of features.
        d_state (int): Size of the state, even.
        bidirectional (bool): Look ahead too, with a second kernel.
        init (str): Start of A: ``lin``, ``inv`` or ``legs`` (d_state <= 2048).
        discretization (str): ``zoh`` or ``bilinear``.
        dt_min (float): Smallest step length at the start, in frames.
        dt_max (float): Largest step length at the start.
        lr (Union[float, str, None]): Learning rate of dt, A and B, also as text such
            as ``1e-3``; None for the model's own.
        dropout (float): Dropout rate after the activation.
        start_gain (Optional[float]): Root mean square of the output at the start, for
            input of root mean square 1 (:mod:`espnet_residuals.start`); None for the
            start of the S4 authors' code: C and D normal, the map as torch draws it.
        device (Any): Device of the parameters.
        dtype (Any): Dtype of the parameters.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> layer = S4D(d_model=8, d_state=4)
        >>> x = torch.randn(2, 100, 8)
        >>> layer(x, lengths=torch.tensor([100, 60])).shape
        torch.Size([2, 100, 8])
        >>> y, state = layer.step(x[:, 0], layer.default_state(batch_size=2))
        >>> y.shape
        torch.Size([2, 8])
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        bidirectional: bool = False,
        init: str = "lin",
        discretization: str = "zoh",
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        lr: Union[float, str, None] = None,
        dropout: float = 0.0,
        start_gain: Optional[float] = 1.0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.bidirectional = check_flag("bidirectional", bidirectional)
        self.start_gain = check_start_gain(start_gain)
        self.kernel = S4DKernel(
            d_model,
            d_state=d_state,
            channels=2 if bidirectional else 1,
            init=init,
            discretization=discretization,
            dt_min=dt_min,
            dt_max=dt_max,
            lr=lr,
            gain=None if start_gain is None else KERNEL_GAIN,
            device=device,
            dtype=dtype,
        )
        self.D = nn.Parameter(torch.empty(d_model, device=device, dtype=dtype))
        self.dropout = Dropout(check_number("dropout", dropout, minimum=0, below=1))
        self.output_linear = nn.Linear(d_model, 2 * d_model, device=device, dtype=dtype)
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """Draw D and, behind GELU and before the gate, the map of the values."""
        if self.start_gain is None:
            nn.init.normal_(self.D)
            return
        nn.init.ones_(self.D)
        nn.init.zeros_(self.output_linear.bias)
        values = self.output_linear.weight[: self.d_model]
        centred_orthogonal_(values, self.start_gain / _rms_behind_gelu_and_gate())

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        self.kernel.reset_parameters()
        self.output_linear.reset_parameters()
        self._start()

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:`` has overwritten it."""
        if self.start_gain is not None:
            self.reset_parameters()

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
        if lengths is not None:
            x = x.masked_fill(~valid_frames(lengths, x).unsqueeze(-1), 0.0)
        return self._mix_features(self._convolve(x))

    def _convolve(self, x: Tensor) -> Tensor:
        """Convolve in float32 or wider, whatever autocast says, and cast behind it."""
        dtype = autocast_dtype(x)
        with without_autocast(x.device):
            return long_convolution(x, self.kernel(x.size(1)), self.D, dtype)

    def _mix_features(self, y: Tensor) -> Tensor:
        mixed = activated_linear(y, F.gelu, self.output_linear, self.dropout)
        return F.glu(mixed, dim=-1)

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> Tensor:
        """Return the state before the first frame.

        Args:
            batch_size (int): Number of sequences.
            device (Optional[torch.device]): Device; None for that of the parameters.
            dtype (Optional[torch.dtype]): Dtype of the frames; None for that of the
                parameters. Frames of float64 need a layer of float64.

        Returns:
            Tensor: Zeros, (batch, d_state, d_model), in float32 or wider.

        Raises:
            ConfigError: If the layer looks ahead, so that it has no such state.
        """
        if self.bidirectional:
            raise ConfigError(
                "bidirectional",
                "a layer that looks ahead cannot stream; set it to false",
            )
        parameter = self.kernel.C
        return torch.zeros(
            batch_size,
            self.kernel.d_state,
            self.d_model,
            device=parameter.device if device is None else device,
            dtype=torch.promote_types(dtype or parameter.dtype, torch.float32),
        )

    def forward_chunk(
        self, x: Tensor, state: Tensor, place: Optional[Place] = None
    ) -> tuple[Tensor, Tensor]:
        """Process the next frames of sequences that have begun before.

        Cost and memory per frame do not depend on the number of frames.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid.
            state (Tensor): State before them, (batch, d_state, d_model).
            place (Optional[Place]): Where the frames lie in their recordings; those
                that do not belong to them change nothing. None: all belong to them.

        Returns:
            tuple[Tensor, Tensor]: Output, (batch, length, d_model), and the state
            behind the frames.
        """
        if x.size(1) == 0:
            return x, state
        if place is not None:
            x = place.mask(x)
        with without_autocast(x.device):
            y, state = self._advance(x.to(state.dtype), state)
        return self._mix_features(torch.addcmul(y.to(x.dtype), x, self.D)), state

    def _advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        recurrence = self.kernel.recurrence()
        if u.size(1) <= PIECE:
            return recurrence.piece(u.size(1)).advance(u, state)
        outputs = []
        for piece in u.split(PIECE, dim=1):
            y, state = recurrence.piece(piece.size(1)).advance(piece, state)
            outputs.append(y)
        return torch.cat(outputs, dim=1), state

    def step(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Process one frame of each sequence.

        Args:
            x (Tensor): Input frame, (batch, d_model).
            state (Tensor): State before the frame, (batch, d_state, d_model).

        Returns:
            tuple[Tensor, Tensor]: Output frame, (batch, d_model), and the state behind
            it.
        """
        y, state = self.forward_chunk(x.unsqueeze(1), state)
        return y.squeeze(1), state


def _rms_behind_gelu_and_gate() -> float:
    """Return the root mean square of a value times its gate, for centred unit maps."""
    return math.sqrt(spread(F.gelu) * gate_power(power(F.gelu)))
