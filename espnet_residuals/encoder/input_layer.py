"""From features to the stream of the encoder, by ESPnet's subsampling."""

import logging
from typing import Any, Optional

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    Conv1dSubsampling1,
    Conv1dSubsampling2,
    Conv1dSubsampling3,
    Conv2dSubsampling,
    Conv2dSubsampling1,
    Conv2dSubsampling2,
    Conv2dSubsampling6,
    Conv2dSubsampling8,
    TooShortUttError,
    check_short_utt,
)
from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_choice, check_number
from espnet_residuals.encoder.input_power import STREAM_POWER, input_power
from espnet_residuals.encoder.input_weights import draw_input_weights_
from espnet_residuals.nn.dropout import Dropout
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.nn.transformed import is_transformed

logger = logging.getLogger(__name__)

SUBSAMPLINGS = {
    "conv1d1": Conv1dSubsampling1,
    "conv1d2": Conv1dSubsampling2,
    "conv1d3": Conv1dSubsampling3,
    "conv2d": Conv2dSubsampling,
    "conv2d1": Conv2dSubsampling1,
    "conv2d2": Conv2dSubsampling2,
    "conv2d6": Conv2dSubsampling6,
    "conv2d8": Conv2dSubsampling8,
}
# Convolutions over the features too need so many to give one.
FEWEST_FEATURES = {
    "conv2d": 7,
    "conv2d1": 5,
    "conv2d2": 7,
    "conv2d6": 11,
    "conv2d8": 15,
}
INPUT_LAYERS = (None, "linear", "embed", *SUBSAMPLINGS)


class InputLayer(nn.Module):
    """Map features to ``output_size``, with fewer frames if it subsamples.

    No positional encoding is added: the state-space layers know the order of the
    frames, and the output must not depend on absolute time. ESPnet's positional
    encodings multiply by sqrt(output_size) besides; here the factor gives the stream
    the power ``STREAM_POWER`` at the start (:mod:`espnet_residuals.start`), for log-mel
    features behind ``utterance_mvn``, and the weights of a subsampling start as large
    as those of the stack, and centred. ``start: s4`` keeps ESPnet's.

    Args:
        input_layer (Optional[str]): ESPnet's name: ``linear``, ``conv1d1``,
            ``conv1d2``, ``conv1d3``, ``conv2d``, ``conv2d1``, ``conv2d2``,
            ``conv2d6``, ``conv2d8``, ``embed``; None passes the features on, through
            a linear map if the sizes differ.
        input_size (int): Number of features, or of symbols for ``embed``.
        output_size (int): Number of features of the stream.
        dropout_rate (float): Dropout rate behind the layer; None has no dropout.
        start (str): ``direct`` or ``s4``, as in the encoder.

    Raises:
        ConfigError: If ``input_layer`` is unknown or needs more features, or the rate
            is none.

    Examples:
        >>> layer = InputLayer("conv2d", 80, 16, 0.1)
        >>> x, lengths = layer(torch.ones(2, 100, 80), torch.tensor([100, 60]))
        >>> x.shape, lengths
        (torch.Size([2, 24, 16]), tensor([24, 14]))
    """

    def __init__(
        self,
        input_layer: Optional[str],
        input_size: int,
        output_size: int,
        dropout_rate: float,
        start: str = "direct",
    ) -> None:
        super().__init__()
        check_choice("input_layer", input_layer, INPUT_LAYERS)
        _check_features(input_layer, input_size)
        dropout_rate = check_number("dropout_rate", dropout_rate, minimum=0, below=1)
        # Stands where ESPnet has its positional encoding.
        scale = _Scale(output_size**0.5)
        last = nn.Sequential(scale, Dropout(dropout_rate))
        self.input_size = input_size
        self.output_size = output_size
        self.reads_symbols = input_layer == "embed"
        self.subsamples = input_layer in SUBSAMPLINGS
        self.embed: nn.Module
        if input_layer in SUBSAMPLINGS:
            self.embed = SUBSAMPLINGS[input_layer](
                input_size, output_size, dropout_rate, last
            )
        elif input_layer == "embed":
            self.embed = nn.Sequential(nn.Embedding(input_size, output_size), last)
        elif input_layer == "linear":
            self.embed = nn.Sequential(
                nn.Linear(input_size, output_size), nn.LayerNorm(output_size), last
            )
        elif input_size == output_size:
            self.embed = nn.Identity()
        else:
            self.embed = nn.Linear(input_size, output_size)

        self.start = start
        if start == "direct":
            # A norm and an embedding have the power 1 by themselves.
            power = input_power(self.embed) if self.subsamples else 1.0
            scale.factor.fill_((STREAM_POWER / power) ** 0.5)
            scale.factor.div_(self._draw_weights())
        self.context, self.stride = _window(self.embed if self.subsamples else None)

    def _draw_weights(self) -> float:
        if not self.subsamples:
            return 1.0
        return draw_input_weights_(self.embed, self.output_size)

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:`` has overwritten it."""
        if self.start == "direct":
            self._draw_weights()

    def forward(self, xs_pad: Tensor, ilens: Tensor) -> tuple[Tensor, Tensor]:
        """Map features.

        Args:
            xs_pad (Tensor): Features, (batch, length, input_size); for ``embed``
                symbols, (batch, length).
            ilens (Tensor): Valid frames of each sequence, (batch,).

        Returns:
            tuple[Tensor, Tensor]: The stream, (batch, length', output_size), with no
            frame behind the longest sequence (compiled, or under ``torch.func``: behind
            the padding), and the
            lengths, (batch,). A sequence too short to give a frame has length 0.

        Raises:
            TooShortUttError: If even the longest sequence gives no frame.
            ValueError: If there is no sequence, or a length is not one of
                ``xs_pad``; compiled, lengths are not looked at.
        """
        ilens = ilens.to(xs_pad.device)
        if not is_transformed():
            # The shapes of a compiled graph cannot depend on values.
            xs_pad = xs_pad[:, : _longest(ilens, xs_pad)]
        valid = valid_frames(ilens, xs_pad)
        # The output ignores the padding, but zero times NaN in it is a NaN gradient.
        padding = ~valid if self.reads_symbols else ~valid.unsqueeze(-1)
        xs_pad = xs_pad.masked_fill(padding, 0)
        if not self.subsamples:
            return self.embed(xs_pad), ilens
        longest = xs_pad.size(1)
        too_short, needed = check_short_utt(self.embed, longest)
        if too_short:
            raise TooShortUttError(
                f"the longest utterance has {longest} frames, too few for the "
                f"subsampling, which needs {needed}",
                longest,
                needed,
            )
        x, mask = self.embed(xs_pad, valid.unsqueeze(1))
        return x, mask.squeeze(1).sum(-1)

    # 1: stored without a factor, so trained without.
    _version = 2

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        *args: Any,
    ) -> None:
        """Give a model of version 1 the factor that it was trained with, 1.

        Torch stores the version beside the tensors. Where it is missing, as in what
        tools average or pick out, the factor stays and counts as missing.
        """
        given = state_dict.keys()
        has_some = any(name.startswith(prefix) for name in given)
        factors = {prefix + name: factor for name, factor in self.named_buffers()}
        others = {prefix + name for name, _ in self.named_parameters()}
        if has_some and local_metadata.get("version") == 1:
            for name, factor in factors.items():
                state_dict.setdefault(name, torch.ones_like(factor))
        elif others and others <= given and not factors.keys() <= given:
            logger.warning(
                "what is loaded has all of the input layer but %s, which stays as it "
                "is; a model trained before there was one needs it set to 1",
                ", ".join(factors),
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def no_features(
        self, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> Tensor:
        """Return what :meth:`forward_chunk` starts from.

        Args:
            batch_size (int): Number of utterances.
            device (torch.device): Device of the features.
            dtype (torch.dtype): Dtype of the features; symbols are integers whatever
                it says.

        Returns:
            Tensor: Features without a frame, (batch, 0, input_size); for ``embed``
            (batch, 0).
        """
        if self.reads_symbols:
            return torch.zeros(batch_size, 0, device=device, dtype=torch.long)
        return torch.zeros(batch_size, 0, self.input_size, device=device, dtype=dtype)

    def forward_chunk(self, feats: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Map the next frames of utterances that have begun before.

        Args:
            feats (Tensor): Next features, (batch, length, input_size).
            past (Tensor): Features that are still needed, (batch, length',
                input_size); none at the start.

        Returns:
            tuple[Tensor, Tensor]: The stream as far as it can be computed, (batch,
            length'', output_size), perhaps without a frame; and the features to keep.
        """
        waiting = torch.cat([past, feats], dim=1)
        n_frames = max(0, (waiting.size(1) - self.context) // self.stride + 1)
        rest = waiting[:, n_frames * self.stride :]
        if n_frames == 0:
            parameter = next(self.parameters(), past)
            return parameter.new_zeros(len(past), 0, self.output_size), rest
        if self.subsamples:
            return self.embed(waiting, None)[0], rest
        return self.embed(waiting), rest


class _Scale(nn.Module):
    """Multiply by a constant, which the state dict holds."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor: Tensor
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def _longest(ilens: Tensor, xs_pad: Tensor) -> int:
    if ilens.numel() == 0:
        raise ValueError("the batch is empty; it needs at least one utterance")
    shortest, longest = map(int, torch.stack(torch.aminmax(ilens)).tolist())
    if shortest < 0 or longest > xs_pad.size(1):
        raise ValueError(
            f"the lengths must be from 0 to {xs_pad.size(1)}, the frames of the batch, "
            f"got {ilens.tolist()}"
        )
    return longest


def _check_features(input_layer: Optional[str], input_size: int) -> None:
    fewest = FEWEST_FEATURES.get(input_layer or "", 1)
    if input_size < fewest:
        few = [k for k in INPUT_LAYERS if FEWEST_FEATURES.get(k or "", 1) <= input_size]
        listed = ", ".join("null" if name is None else name for name in few)
        raise ConfigError(
            "input_layer",
            f"{input_layer} needs at least {fewest} features, got input_size="
            f"{input_size}" + (f"; so few can have {listed}" if few else ""),
        )


def _window(subsampling: Optional[nn.Module]) -> tuple[int, int]:
    """Return how many features one frame needs, and how far apart frames lie."""
    context, stride = 1, 1
    for module in subsampling.modules() if subsampling is not None else ():
        if isinstance(module, (nn.Conv1d, nn.Conv2d)):
            context += (module.kernel_size[0] - 1) * stride
            stride *= module.stride[0]
    return context, stride
