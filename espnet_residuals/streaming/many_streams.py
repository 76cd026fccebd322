"""Many streams at once, computed in batches."""

import math
from typing import Optional, Union

import numpy as np
import torch
from torch import Tensor

from espnet_residuals.config import check_number
from espnet_residuals.streaming.acoustic_model import StreamState
from espnet_residuals.streaming.grouped import Piece, forward_grouped
from espnet_residuals.streaming.reader import ReadsStream
from espnet_residuals.streaming.speech2text import Speech2TextStreaming
from espnet_residuals.streaming.transcript import Result


class Stream(ReadsStream):
    """What one user says; made by :meth:`ManyStreams.begin`.

    Args:
        speech2text (Speech2TextStreaming): What reads.

    Attributes:
        is_over (bool): Whether all has been read, after :meth:`end`.
    """

    def __init__(self, speech2text: Speech2TextStreaming) -> None:
        self._speech2text = speech2text
        self._state = speech2text.acoustic_model.default_state()
        self._reader = speech2text.new_reader()
        self._waiting = self._state.samples.kept
        self._has_ended = False
        self.is_over = False

    def push(self, speech: Union[Tensor, np.ndarray]) -> None:
        """Add samples, which :meth:`ManyStreams.run` reads.

        Args:
            speech (Union[Tensor, np.ndarray]): Next samples, (length,), or (length,
                channels), of which the first is read; perhaps none.

        Raises:
            ValueError: If the stream has ended, or the samples are no finite numbers.
        """
        if self._has_ended:
            raise ValueError("samples come behind the end of the stream")
        samples = self._speech2text.samples_of(speech)
        self._waiting = torch.cat([self._waiting, samples], dim=1)

    def end(self) -> None:
        """Let the recording end behind the samples so far."""
        self._has_ended = True

    @property
    def n_waiting(self) -> int:
        """How many samples have come that are not read yet."""
        return self._waiting.size(1)

    @property
    def results(self) -> list[Result]:
        """What has been read so far, as :class:`Speech2TextStreaming` returns it."""
        return self._reader.results(self.is_over)

    def _next_piece(self, length: int) -> Optional[Piece]:
        is_final = self._has_ended and self.n_waiting <= length
        if self.is_over or self.n_waiting < length and not is_final:
            return None
        piece = Piece(self._waiting[:, :length], self._state, is_final)
        self._waiting = self._waiting[:, length:]
        return piece

    def _go_on(self, log_probs: Tensor, state: StreamState, is_final: bool) -> None:
        self._reader.read(log_probs[0])
        self._state = state
        self.is_over = is_final


class ManyStreams:
    """Read the streams of many users, who begin, pause and end when they like.

    The samples of a stream arrive in pieces of any size and are read in chunks of one.
    Streams that have a chunk are one batch, so that a stream costs less the more there
    are. Each reads what it reads alone, to float accuracy.

    Args:
        speech2text (Speech2TextStreaming): What reads.
        chunk (float): Seconds of a chunk, made up to whole frames of the encoder: how
            long samples wait at most, and how often one batch is computed.

    Attributes:
        chunk_length (int): Samples of a chunk.

    Raises:
        ConfigError: If ``chunk`` is not a number > 0.
    """

    def __init__(self, speech2text: Speech2TextStreaming, chunk: float = 0.32) -> None:
        self._speech2text = speech2text
        self._streams: list[Stream] = []
        model = speech2text.acoustic_model
        length = round(check_number("chunk", chunk, above=0) * model.sampling_rate)
        n_frames = max(1, math.ceil(length / model.samples_per_frame))
        # Whole frames: every chunk but the first few leaves states of one structure.
        self.chunk_length = n_frames * model.samples_per_frame

    def begin(self) -> Stream:
        """Return a new stream, which :meth:`run` reads from now on."""
        stream = Stream(self._speech2text)
        self._streams.append(stream)
        return stream

    def drop(self, stream: Stream) -> None:
        """Leave a stream, which need not have ended.

        Args:
            stream (Stream): The stream; nothing happens if it is over.
        """
        if stream in self._streams:
            self._streams.remove(stream)

    @torch.no_grad()
    def run(self) -> list[Stream]:
        """Read a chunk of each stream that has one, or the rest of one that has ended.

        Returns:
            list[Stream]: The streams that were read; none if all wait for samples.
        """
        pieces = {
            stream: piece
            for stream in self._streams
            if (piece := stream._next_piece(self.chunk_length)) is not None
        }
        model = self._speech2text.acoustic_model
        outputs = forward_grouped(model, list(pieces.values()))
        for (stream, piece), output in zip(pieces.items(), outputs):
            stream._go_on(*output, piece.is_final)
        self._streams = [stream for stream in self._streams if not stream.is_over]
        return list(pieces)
