"""Make connected digits of the Free Spoken Digit Dataset: audio and manifests."""

from pathlib import Path

from tqdm import tqdm

from .audio import join, quiet_pieces, write_wav
from .config import CONFIG
from .location import data_folder
from .manifest import Utterance, write_manifest
from .plan import Plan, make_plans
from .random_numbers import random_numbers
from .recordings import read_recording
from .recordings_builder import RecordingsBuilder
from .strings import deal_strings, text_of
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
