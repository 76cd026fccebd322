"""Make connected digits of the Free Spoken Digit Dataset: audio and manifests."""

from pathlib import Path

from espnet3.components.data.dataset_builder import DatasetBuilder
from tqdm import tqdm

from .audio import join, quiet_pieces, write_wav
from .config import CONFIG
from .location import data_folder
from .manifest import Utterance, write_manifest
from .plan import Plan, make_plans
from .random_numbers import random_numbers
from .recordings import read_recording
from .source import collect_recordings
from .strings import deal_strings, text_of
from .whole_folder import whole_folder


class DigitsBuilder(DatasetBuilder):
    """What the stage ``create_dataset`` calls, in the order of the methods here.

    Both folders appear in one step when they are complete, so a folder that exists
    is ready and an interrupted stage can simply be run again. ESPnet's template adds
    options that are not used here.
    """

    def is_source_prepared(self, recipe_dir: str | Path, **_unused: object) -> bool:
        """Tell whether the recordings are there."""
        return Path(recipe_dir, CONFIG.recordings_dir).is_dir()

    def prepare_source(
        self,
        recipe_dir: str | Path,
        source: str | Path | None = None,
        **_unused: object,
    ) -> None:
        """Get the recordings from a path, ``downloads/`` or the web."""
        collect_recordings(source, Path(recipe_dir))

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
    voices = {
        speaker: {
            recording: read_recording(recordings, recording)
            for recording in plan.recordings_of(speaker)
        }
        for speaker in plan.speakers
    }
    silences = {
        speaker: quiet_pieces(list(voice.values())) for speaker, voice in voices.items()
    }
    numbers = random_numbers(plan.seed)
    (data / "wav" / plan.name).mkdir(parents=True)
    utterances = []
    strings = tqdm(deal_strings(plan, numbers), plan.name, unit="string")
    for number, string in enumerate(strings):
        speaker = string[0].speaker
        utt_id = f"{speaker}_{plan.name}_{number:04d}"
        wav = Path("wav", plan.name, f"{utt_id}.wav")
        digits = [voices[speaker][recording] for recording in string]
        write_wav(data / wav, join(digits, silences[speaker], numbers))
        utterances.append(Utterance(utt_id, wav.as_posix(), text_of(string)))
    write_manifest(data / f"{plan.name}.tsv", utterances)
