"""Log-mel features of samples that arrive in pieces."""

from typing import Optional

import torch
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.global_mvn import GlobalMVN
from espnet2.layers.stft import Stft
from torch import Tensor

from espnet_residuals.streaming.windows import Samples, Windows


class StreamingFrontend:
    """ESPnet's default frontend and ``global_mvn``, for pieces of any size.

    The pieces of a recording give the features that the frontend gives for the whole:
    every window is transformed once, when its last sample is there.

    Args:
        frontend (DefaultFrontend): The model's frontend.
        normalize (Optional[GlobalMVN]): The model's normalisation, if it has one.

    Examples:
        >>> frontend = StreamingFrontend(DefaultFrontend(fs=8000, n_fft=256, n_mels=40))
        >>> state, counts = frontend.default_state(batch_size=1), []
        >>> for samples in torch.randn(1, 1000).split(400, dim=1):
        ...     feats, state = frontend.forward_chunk(samples, state)
        ...     counts.append(feats.size(1))
        >>> feats, _ = frontend.forward_chunk(torch.zeros(1, 0), state, is_final=True)
        >>> counts, feats.size(1)  # 1000 // 128 + 1 frames
        ([3, 3, 1], 1)
    """

    def __init__(
        self, frontend: DefaultFrontend, normalize: Optional[GlobalMVN] = None
    ) -> None:
        whole = frontend.stft
        self.windows = Windows(whole.n_fft, whole.hop_length, whole.center)
        self._stft = Stft(
            n_fft=whole.n_fft,
            win_length=whole.win_length,
            hop_length=whole.hop_length,
            window=whole.window,
            center=False,
            normalized=whole.normalized,
            onesided=whole.onesided,
        )
        self._logmel = frontend.logmel
        self._normalize = normalize

    def default_state(
        self, batch_size: int, dtype: torch.dtype = torch.float32
    ) -> Samples:
        """Return the state before the first sample.

        Args:
            batch_size (int): Number of recordings.
            dtype (torch.dtype): Dtype of the samples.

        Returns:
            Samples: The state, on the device of the model.
        """
        device = self._logmel.melmat.device
        return self.windows.no_samples(batch_size, device, dtype)

    def forward_chunk(
        self, samples: Tensor, state: Samples, is_final: bool = False
    ) -> tuple[Tensor, Samples]:
        """Return the features that can be computed now.

        Args:
            samples (Tensor): Next samples, (batch, length), perhaps none.
            state (Samples): State before them; it is not changed.
            is_final (bool): Whether the recordings end here, which gives the last
                frames.

        Returns:
            tuple[Tensor, Samples]: The features, (batch, length', n_mels), perhaps
            none; and the state behind the samples.

        Raises:
            TooShortUttError: If the recordings end before they are long enough for a
                frame.
        """
        ready, state = self.windows.cut(samples, state, is_final)
        if ready.size(1) == 0:
            n_mels = self._logmel.melmat.size(1)
            return ready.new_zeros(len(ready), 0, n_mels), state
        spectrum, _ = self._stft(ready)
        feats, _ = self._logmel(spectrum.square().sum(dim=-1))
        if self._normalize is not None:
            lengths = torch.full((len(feats),), feats.size(1), device=feats.device)
            feats, _ = self._normalize(feats, lengths)
        return feats, state
