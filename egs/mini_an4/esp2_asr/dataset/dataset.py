"""The splits of mini_an4 as datasets."""

from pathlib import Path

import numpy as np
import soundfile
from espnet3.components.data.base_dataset import BaseDataset
from espnet3.contract import Field

from .config import CONFIG
from .manifest import read_manifest

SPLITS = ("train", "valid", "test")


class MiniAn4Dataset(BaseDataset):
    """The utterances of one split, in the order of its manifest.

    Args:
        split: ``train``, ``valid`` or ``test``.
        recipe_dir: the folder that holds the data; by default this recipe.
    """

    fields = (Field("speech", "audio"), Field("text", "text"))

    def __init__(self, split: str, recipe_dir: str | Path | None = None) -> None:
        if split not in SPLITS:
            raise ValueError(
                f"unknown split {split!r}: choose one of {', '.join(SPLITS)}"
            )
        recipe = Path(__file__).parents[1] if recipe_dir is None else Path(recipe_dir)
        self._data = recipe.resolve() / CONFIG.data_dir
        self._utterances = read_manifest(self._data / f"{split}.tsv")

    def __len__(self) -> int:
        return len(self._utterances)

    def __getitem__(self, index: int) -> dict[str, np.ndarray | str]:
        utterance = self._utterances[int(index)]
        speech, _ = soundfile.read(self._data / utterance.wav, dtype="float32")
        return {"speech": speech, "text": utterance.text}
