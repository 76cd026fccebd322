"""Make connected digits of the Free Spoken Digit Dataset: audio and manifests."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from .audio import write_wav
from .config import CONFIG
from .layout import lay_out_split
from .location import data_folder
from .manifest import Utterance, write_manifest
from .plan import Plan, make_plans
from .recordings_builder import RecordingsBuilder
from .whole_folder import whole_folder


class DigitsBuilder(RecordingsBuilder):
    """What the stage ``create_dataset`` calls."""

    def is_built(
        self, recipe_dir: str | Path, held_out: str | None = None, **_unused: object
    ) -> bool:
        """Tell whether the utterances and the manifests are written."""
        return data_folder(Path(recipe_dir), held_out).is_dir()

    def build(
        self, recipe_dir: str | Path, held_out: str | None = None, **_unused: object
    ) -> None:
        """Write the utterances and the manifests of all splits."""
        recordings = Path(recipe_dir, CONFIG.recordings_dir)
        with whole_folder(data_folder(Path(recipe_dir), held_out)) as data:
            for plan in make_plans(held_out):
                _build_split(plan, recordings, data)


def _build_split(plan: Plan, recordings: Path, data: Path) -> None:
    """Write the utterances of one split and its manifest."""
    (data / "wav" / plan.name).mkdir(parents=True)
    utterances = []
    laid_out = lay_out_split(plan, recordings)
    for utt_id, text, parts in tqdm(laid_out, plan.name, plan.strings, unit="string"):
        wav = Path("wav", plan.name, f"{utt_id}.wav")
        write_wav(data / wav, np.concatenate(parts))
        utterances.append(Utterance(utt_id, wav.as_posix(), text))
    write_manifest(data / f"{plan.name}.tsv", utterances)
