"""CTC posteriors of samples that arrive in pieces."""

from typing import Any, NamedTuple

from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from torch import Tensor

from espnet_residuals.encoder.s4_encoder import EncoderState
from espnet_residuals.streaming.frontend import StreamingFrontend
from espnet_residuals.streaming.requirements import check_streams
from espnet_residuals.streaming.windows import Samples


class StreamState(NamedTuple):
    """Where a stream stands; its size does not depend on what has been.

    Attributes:
        samples (Samples): Samples that later features need.
        encoder (EncoderState): The encoder's state.
        n_feats (int): Features so far, counted until there are enough for a frame.
    """

    samples: Samples
    encoder: EncoderState
    n_feats: int


class StreamingAcousticModel:
    """Frontend, encoder and CTC of one of ESPnet's ASR models, for pieces of any size.

    The frames of a recording in pieces are those of the whole, to float accuracy. An
    attention decoder, if the model has one, is not used.

    Args:
        model (ESPnetASRModel): The model, with ``encoder: s4``, in evaluation mode.

    Attributes:
        sampling_rate (int): Samples a second that the model was trained with.
        samples_per_frame (int): Distance of frames.
        delay (int): Frame t, from 0, is computed when ``t * samples_per_frame + delay``
            samples have come.

    Raises:
        ConfigError: If the model cannot stream; names the option that prevents it.
    """

    def __init__(self, model: Any) -> None:
        check_streams(model)
        self._encoder = model.encoder
        self._ctc = model.ctc
        self._frontend = StreamingFrontend(model.frontend, model.normalize)
        self.sampling_rate: int = model.frontend.logmel.mel_options["sr"]
        hop = self._frontend.windows.hop_length
        self.samples_per_frame: int = hop * model.encoder.embed.stride
        self.delay: int = model.encoder.delay * hop + self._frontend.windows.behind

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sampling_rate / self.samples_per_frame

    def default_state(self, batch_size: int = 1) -> StreamState:
        """Return the state before the first sample.

        Args:
            batch_size (int): Number of recordings, all of the same length.

        Returns:
            StreamState: The state.
        """
        dtype = next(self._encoder.parameters()).dtype
        samples = self._frontend.default_state(batch_size, dtype)
        return StreamState(samples, self._encoder.default_state(batch_size), 0)

    def forward_chunk(
        self, samples: Tensor, state: StreamState, is_final: bool = False
    ) -> tuple[Tensor, StreamState]:
        """Return the posteriors that can be computed now.

        Args:
            samples (Tensor): Next samples, (batch, length), perhaps none.
            state (StreamState): State before them; it is not changed.
            is_final (bool): Whether the recordings end here, which gives the last
                frames.

        Returns:
            tuple[Tensor, StreamState]: Log posteriors, (batch, length', tokens),
            perhaps of no frame; and the state behind the samples.

        Raises:
            TooShortUttError: If the recordings end before they are long enough for a
                frame.
        """
        feats, kept = self._frontend.forward_chunk(samples, state.samples, is_final)
        needed = self._encoder.embed.context
        n_feats = min(state.n_feats + feats.size(1), needed)
        if is_final and n_feats < needed:
            raise TooShortUttError(
                f"the recording has {n_feats} frames, too few for the subsampling, "
                f"which needs {needed}",
                n_feats,
                needed,
            )
        encoded, encoder = self._encoder.forward_chunk(
            feats, state.encoder, ctc=self._ctc, is_final=is_final
        )
        posteriors: Tensor = self._ctc.log_softmax(encoded)
        return posteriors, StreamState(kept, encoder, n_feats)
