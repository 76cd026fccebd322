"""Cut samples that arrive in pieces into the windows that an STFT sees."""

from typing import NamedTuple

import torch
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from torch import Tensor


class Samples(NamedTuple):
    """What later windows still need.

    Attributes:
        kept (Tensor): The last samples, (batch, length).
        start (int): Where in ``kept`` the next window begins; perhaps behind it.
        has_begun (bool): Whether ``kept`` has the padding of the start before it.
    """

    kept: Tensor
    start: int
    has_begun: bool


class Windows:
    """Hand samples on as soon as they fill windows, padded as ``torch.stft`` pads.

    With ``center`` the recording is reflected at both ends, ``n_fft // 2`` samples
    each: the first window needs one sample more than that, the last ones need the end.

    Args:
        n_fft (int): Length of a window.
        hop_length (int): Distance of windows.
        center (bool): Whether the ends are padded.

    Attributes:
        fewest_samples (int): What a recording needs to fill a window.
        behind (int): Window i, from 0, is full when ``i * hop_length + behind`` samples
            have come, but ``fewest_samples`` at least.

    Examples:
        >>> windows = Windows(n_fft=4, hop_length=2, center=True)
        >>> state = windows.no_samples(1, torch.device("cpu"), torch.float32)
        >>> ready, state = windows.cut(torch.tensor([[1.0, 2.0, 3.0]]), state)
        >>> ready
        tensor([[3., 2., 1., 2.]])
        >>> windows.cut(torch.tensor([[4.0]]), state, is_final=True)[0]
        tensor([[1., 2., 3., 4., 3., 2.]])
    """

    def __init__(self, n_fft: int, hop_length: int, center: bool) -> None:
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.padding = n_fft // 2 if center else 0
        self.behind = n_fft - self.padding
        self.fewest_samples = self.padding + 1 if center else n_fft

    def no_samples(
        self, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> Samples:
        """Return the state before the first sample.

        Args:
            batch_size (int): Number of recordings.
            device (torch.device): Device of the samples.
            dtype (torch.dtype): Dtype of the samples.

        Returns:
            Samples: The state.
        """
        return Samples(torch.zeros(batch_size, 0, device=device, dtype=dtype), 0, False)

    def cut(
        self, samples: Tensor, state: Samples, is_final: bool = False
    ) -> tuple[Tensor, Samples]:
        """Return the samples of all windows that are full now.

        Args:
            samples (Tensor): Next samples, (batch, length), perhaps none.
            state (Samples): State before them; it is not changed.
            is_final (bool): Whether the recordings end here.

        Returns:
            tuple[Tensor, Samples]: The samples from the first of the windows to the
            last, (batch, length'), none if no window is full; and the state behind
            them.

        Raises:
            TooShortUttError: If the recordings end before they fill a window, or are
                too short to be reflected.
        """
        kept, start = torch.cat([state.kept, samples], dim=1), state.start
        has_begun = state.has_begun
        if not has_begun and kept.size(1) >= self.fewest_samples:
            kept, has_begun = self._begin(kept), True
        if not has_begun:
            if is_final:
                self._refuse(kept.size(1))
            return kept[:, :0], Samples(kept, start, False)
        if is_final:
            kept = self._end(kept)
        count = max(0, (kept.size(1) - start - self.n_fft) // self.hop_length + 1)
        behind = start + count * self.hop_length
        ready = kept[:, start : behind - self.hop_length + self.n_fft]
        # The end is reflected from the last samples, which a window may not need.
        past = max(0, min(behind, kept.size(1) - self.padding - 1))
        # A view would hold all of a long piece.
        rest = Samples(kept[:, past:].clone(), behind - past, True)
        return (ready if count else kept[:, :0]), rest

    def _begin(self, samples: Tensor) -> Tensor:
        reflection = samples[:, 1 : self.padding + 1].flip(1)
        return torch.cat([reflection, samples], dim=1)

    def _end(self, kept: Tensor) -> Tensor:
        reflection = kept[:, -self.padding - 1 : -1].flip(1)
        return torch.cat([kept, reflection], dim=1) if self.padding else kept

    def _refuse(self, length: int) -> None:
        raise TooShortUttError(
            f"the recording has {length} samples, too few for a window of "
            f"{self.n_fft}, which needs {self.fewest_samples}",
            length,
            self.fewest_samples,
        )
