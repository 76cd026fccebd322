"""One split of a corpus as a dataset."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from espnet3.components.data.base_dataset import BaseDataset
from espnet3.contract import Field

from .manifest import read_manifest
from .wav_file import read_wav


class SplitDataset(BaseDataset):
    """The utterances of one split, in the order of its manifest.

    Args:
        data: The folder of the manifests.
        split: Which one.
        splits: Those that there are.
        sample_rate: That of every recording, in Hz.
        with_ids: Whether each has its id too, for files of a decoding; training takes
            nothing but audio and text.

    Raises:
        ValueError: If there is no such split.
        FileNotFoundError: If its manifest is missing.
    """

    fields = (Field("speech", "audio"), Field("text", "text"))

    def __init__(
        self,
        data: Path,
        split: str,
        splits: Collection[str],
        sample_rate: int,
        with_ids: bool = False,
    ) -> None:
        if split not in splits:
            raise ValueError(
                f"unknown split {split!r}: choose one of {', '.join(splits)}"
            )
        self._data = data
        self._sample_rate = sample_rate
        self._with_ids = with_ids
        self._utterances = read_manifest(data / f"{split}.tsv")

    def __len__(self) -> int:
        return len(self._utterances)

    def __getitem__(self, index: int) -> dict[str, np.ndarray | str]:
        utterance = self._utterances[int(index)]
        samples = read_wav(self._data / utterance.wav, self._sample_rate)
        speech = samples.astype(np.float32) / 2**15
        item: dict[str, np.ndarray | str] = {"speech": speech, "text": utterance.text}
        return item | {"utt_id": utterance.utt_id} if self._with_ids else item
