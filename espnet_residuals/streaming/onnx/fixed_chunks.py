"""A stream in chunks of a fixed number of features, with all shapes fixed."""

import inspect
from typing import Any, Optional

import torch
from espnet2.asr.ctc import CTC
from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_integer
from espnet_residuals.encoder import S4Encoder
from espnet_residuals.encoder.s4_encoder import EncoderState
from espnet_residuals.nn.place import Place
from espnet_residuals.streaming.onnx.flat_state import FlatState

# Features of a chunk unless a number is given: 0.16 s where they are 10 ms apart.
CHUNK = 16
# Calls after which a state that still grows counts as one without end.
MOST_CALLS = 10_000


class FixedChunks(nn.Module):
    """Encoder and CTC, from chunks of features to as many frames in every call.

    :meth:`S4Encoder.forward_chunk` gives fewer frames at the start, where its state
    grows, and more at the end. Here the state has its final shape from the start, all
    zeros: so every call gives ``frames`` frames, at first those before the recording
    and, when features have come to an end, those behind it. All layers know which these
    are (:class:`~espnet_residuals.nn.place.Place`), so that the others are exactly
    those of the whole recording.

    Args:
        encoder (S4Encoder): An encoder that can stream, in evaluation mode.
        ctc (CTC): The model's CTC.
        chunk (Optional[int]): Features of a call, a multiple of the subsampling; None
            for the smallest that is at least ``CHUNK``.

    Attributes:
        chunk (int): Features of a call.
        frames (int): Frames of a call.
        late (int): Calls times ``frames`` until the first frame of a recording is out.
        flush (int): Calls without a feature after which the last frame is out.

    Raises:
        ConfigError: If the encoder cannot stream, or not in this way, or ``chunk`` is
            no such number.

    Examples:
        >>> encoder = S4Encoder(20, output_size=8, num_blocks=1, layer="s4d").eval()
        >>> chunks = FixedChunks(encoder, CTC(5, 8).eval(), chunk=8)
        >>> features, n_features, *state = chunks.start()
        >>> log_probs, valid, *state = chunks(features, n_features + 8, *state)
        >>> log_probs.shape, valid, chunks.flush
        (torch.Size([1, 2, 5]), tensor([[False,  True]]), 1)
    """

    def __init__(
        self, encoder: S4Encoder, ctc: CTC, chunk: Optional[int] = None
    ) -> None:
        super().__init__()
        self.encoder, self.ctc = encoder, ctc
        context, stride = encoder.embed.context, encoder.embed.stride
        self.chunk = _check_chunk(chunk, stride)
        self.frames = self.chunk // stride
        # Features before the first, in whole frames, so that calls meet frame 0.
        self._late_input = -(-max(context - stride, 0) // stride)
        self.late = self._late_input + encoder.stack.look_ahead
        self.flush = -(-self.late // self.frames)
        self._state = FlatState(self._final_shapes())

    def _final_shapes(self) -> EncoderState:
        """Return the state of a stream that has gone on until it grows no more."""
        state = self.encoder.default_state(batch_size=1)
        _check_layers(self.encoder)
        features = self._no_features()
        n_frames, shapes = -1, None
        for _ in range(MOST_CALLS):
            frames, state = self.encoder.forward_chunk(features, state, ctc=self.ctc)
            before, shapes = shapes, FlatState(state).shapes
            n_frames = frames.size(1)
            if n_frames == self.frames and shapes == before:
                return state
        raise ConfigError(
            "encoder_conf.layer",
            f"a state grows for more than {MOST_CALLS} calls, so it has no fixed shape",
        )

    def _no_features(self) -> Tensor:
        parameter = next(self.encoder.parameters())
        return parameter.new_zeros(1, self.chunk, self.encoder.embed.input_size)

    @property
    def state_names(self) -> list[str]:
        """Names of the tensors that :meth:`start` has behind the first two."""
        return ["n_frames", "n_features", *self._state.names]

    def start(self) -> list[Tensor]:
        """Return what the first call is given, with zeros in the place of features.

        Returns:
            list[Tensor]: Features, their number and the state before them.
        """
        counts = torch.zeros(3, 1, dtype=torch.long).unbind()
        return [self._no_features(), *counts, *self._state.zeros()]

    def forward(
        self,
        features: Tensor,
        n_features: Tensor,
        frames_before: Tensor,
        features_before: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        """Process a chunk.

        Args:
            features (Tensor): Next features, (1, chunk, input_size).
            n_features (Tensor): How many of them are features, (1,): all, until the
                recording ends; then the rest, then 0.
            frames_before (Tensor): Frames of the calls before, (1,).
            features_before (Tensor): Features of the calls before, (1,).
            *state (Tensor): The other tensors of the state.

        Returns:
            tuple[Tensor, ...]: Log posteriors, (1, frames, tokens); which of the frames
            are frames of the recording, bool, (1, frames); and the state behind them.
        """
        context, stride = self.encoder.embed.context, self.encoder.embed.stride
        length = features_before + n_features
        n_frames = (length + stride - context).clamp(min=0) // stride
        place = Place(frames_before - self._late_input, n_frames)
        ys, behind = self.encoder.forward_chunk(
            features, self._state.nested(state), ctc=self.ctc, place=place
        )
        valid = place.delayed(self.encoder.stack.look_ahead).valid(self.frames)
        counts = frames_before + self.frames, length
        return self.ctc.log_softmax(ys), valid, *counts, *FlatState(behind).tensors


def _check_chunk(chunk: Optional[int], stride: int) -> int:
    if chunk is None:
        return -(-CHUNK // stride) * stride
    check_integer("chunk", chunk, minimum=1)
    if chunk % stride:
        nearest = -(-chunk // stride) * stride
        raise ConfigError(
            "chunk",
            f"must be a multiple of {stride}, which the input layer makes one frame "
            f"of, got {chunk}; {nearest} is the next",
        )
    return chunk


def _check_layers(encoder: S4Encoder) -> None:
    """Refuse layers that cannot be told which frames belong to the recording."""
    for sublayer in encoder.stack.sublayers:
        layer: Any = sublayer.layer
        if "place" not in inspect.signature(layer.forward_chunk).parameters:
            raise ConfigError(
                "encoder_conf.layer",
                f"{type(layer).__name__} cannot stream in chunks of fixed shapes: its "
                "forward_chunk needs an argument 'place' "
                "(espnet_residuals.nn.place.Place)",
            )
