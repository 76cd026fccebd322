"""The convolution module of the Conformer."""

import math
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_choice, check_integer
from espnet_residuals.layers.batch_norm import FrameBatchNorm
from espnet_residuals.layers.depthwise import DepthwiseConvolution
from espnet_residuals.nn.activated_linear import activated_linear
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.nn.place import Place
from espnet_residuals.start import (
    KERNEL_GAIN,
    centred_orthogonal_,
    check_start_gain,
    gate_power,
    orthogonal_,
    spread,
)

NORMS = {"layer": nn.LayerNorm, "batch": FrameBatchNorm}


class ConvolutionModule(nn.Module):
    """Gated convolution of every feature along the frames.

    A linear map with a gated linear unit, a depthwise convolution, a norm, Swish, and a
    linear map: Gulati et al., "Conformer" (Interspeech 2020,
    https://arxiv.org/abs/2005.08100), section 2.2. With ``norm="batch"`` it computes
    what ESPnet's ``ConvolutionModule`` computes.

    Args:
        d_model (int): Number of features.
        kernel (int): Number of frames that an output sees.
        norm (str): ``layer`` for LayerNorm, ``batch`` for batch normalisation, whose
            statistics in training are those of the valid frames.
        look_ahead (Optional[int]): How many of the frames lie ahead, at most ``kernel -
            1``; 0 is causal, None half of them.
        start_gain (Optional[float]): Root mean square of the output at the start, for
            input of root mean square 1 (:mod:`espnet_residuals.start`); None for maps
            and kernels as torch draws them.

    Raises:
        ConfigError: If an option is not valid.

    Examples:
        >>> layer = ConvolutionModule(d_model=8, kernel=15)
        >>> layer(torch.ones(2, 100, 8), lengths=torch.tensor([100, 60])).shape
        torch.Size([2, 100, 8])
        >>> y, state = layer.forward_chunk(torch.ones(2, 10, 8), layer.default_state(2))
        >>> y.shape, layer.finish(state).shape
        (torch.Size([2, 3, 8]), torch.Size([2, 7, 8]))
    """

    def __init__(
        self,
        d_model: int,
        kernel: int = 31,
        norm: str = "layer",
        look_ahead: Optional[int] = None,
        start_gain: Optional[float] = 1.0,
    ) -> None:
        super().__init__()
        self.start_gain = check_start_gain(start_gain)
        self.kernel = check_integer("kernel", kernel, minimum=1)
        self.look_ahead = _check_look_ahead(look_ahead, self.kernel)
        self.linear_in = nn.Linear(d_model, 2 * d_model)
        self.depthwise = DepthwiseConvolution(d_model, self.kernel)
        # Any: to mypy, one of them takes no lengths.
        self.norm: Any = NORMS[check_choice("norm", norm, NORMS)](d_model)
        self.linear_out = nn.Linear(d_model, d_model)
        self._start()

    @property
    def look_back(self) -> int:
        """How many frames behind its own an output sees."""
        return self.kernel - 1 - self.look_ahead

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        for module in (self.linear_in, self.depthwise, self.norm, self.linear_out):
            module.reset_parameters()
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """Draw all but the map of the gates and the norm."""
        if self.start_gain is None:
            return
        for module in (self.linear_in, self.depthwise, self.linear_out):
            nn.init.zeros_(module.bias)
        values = self.linear_in.weight[: self.linear_out.in_features]
        orthogonal_(values, 1.0 / math.sqrt(gate_power(1.0)))
        taps = self.depthwise.weight
        nn.init.normal_(taps, std=KERNEL_GAIN / math.sqrt(max(self.kernel - 1, 1)))
        nn.init.ones_(taps[..., self.look_back])
        gain = self.start_gain / math.sqrt(spread(F.silu))
        centred_orthogonal_(self.linear_out.weight, gain)

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:`` has overwritten it."""
        if self.start_gain is not None:
            self.reset_parameters()

    def output_weights(self) -> list[Tensor]:
        """Return the weights that the size of the output depends on.

        Returns:
            list[Tensor]: Those behind the norm.
        """
        return [self.linear_out.weight]

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Process whole sequences.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,); the
                frames behind are not seen by them. None: all are valid.

        Returns:
            Tensor: Output, (batch, length, d_model); frames behind the length of their
            sequence hold no meaning.
        """
        u = self._gate(x)
        if lengths is not None:
            u = u.masked_fill(~valid_frames(lengths, x).unsqueeze(-1), 0.0)
        return self._convolve(
            F.pad(u, (0, 0, self.look_back, self.look_ahead)), lengths
        )

    def _gate(self, x: Tensor) -> Tensor:
        return F.glu(self.linear_in(x), dim=-1)

    def _convolve(self, u: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Compute the frames, (batch, length, d_model), that all taps meet."""
        y = self.depthwise(u)
        is_batch_norm = isinstance(self.norm, FrameBatchNorm)
        y = self.norm(y, lengths) if is_batch_norm else self.norm(y)
        return activated_linear(y, F.silu, self.linear_out)

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
                parameters.

        Returns:
            Tensor: Gated frames that outputs to come will see: as many zeros as an
            output sees frames behind its own, (batch, look_back, d_model).
        """
        weight = self.linear_out.weight
        return torch.zeros(
            batch_size,
            self.look_back,
            weight.size(1),
            device=weight.device if device is None else device,
            dtype=weight.dtype if dtype is None else dtype,
        )

    def forward_chunk(
        self, x: Tensor, state: Tensor, place: Optional[Place] = None
    ) -> tuple[Tensor, Tensor]:
        """Process the next frames of sequences that have begun before.

        Cost and memory per frame do not depend on the number of frames.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid.
            state (Tensor): State before them, (batch, at most kernel - 1, d_model).
            place (Optional[Place]): Where the frames lie in their recordings; those
                that do not belong to them change nothing. None: all belong to them.

        Returns:
            tuple[Tensor, Tensor]: Output of the frames whose ``look_ahead`` frames
            ahead are known now, (batch, length or fewer, d_model), and the state behind
            the frames.
        """
        u = self._gate(x) if place is None else place.mask(self._gate(x))
        seen = torch.cat([state, u.to(state.dtype)], dim=1)
        kept = min(seen.size(1), self.kernel - 1)
        return self._convolve(seen), seen[:, seen.size(1) - kept :]

    def finish(self, state: Tensor) -> Tensor:
        """Process the last frames, behind which there are no more.

        Args:
            state (Tensor): State behind the last frames.

        Returns:
            Tensor: Output of the frames that still lacked frames ahead, (batch, at most
            ``look_ahead``, d_model).
        """
        return self._convolve(F.pad(state, (0, 0, 0, self.look_ahead)))


def _check_look_ahead(look_ahead: Optional[int], kernel: int) -> int:
    if look_ahead is None:
        return (kernel - 1) // 2
    if check_integer("look_ahead", look_ahead, minimum=0) < kernel:
        return int(look_ahead)
    raise ConfigError(
        "look_ahead", f"must be at most kernel - 1 = {kernel - 1}, got {look_ahead}"
    )
