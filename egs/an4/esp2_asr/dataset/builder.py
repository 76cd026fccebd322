"""Prepare AN4: 16-bit WAV files, and manifests of the own splits and of all folds."""

import os
import shutil
from pathlib import Path

import soundfile
from tqdm import tqdm

from .audio_file import read_audio
from .config import CONFIG
from .location import manifest_folder
from .manifest import Utterance, write_manifest
from .recordings import find_recording
from .recordings_builder import RecordingsBuilder
from .splits import fold_splits, own_splits
from .transcript import Transcript, read_transcripts
from .whole_folder import whole_folder

LICENSE = Path(__file__).with_name("LICENSE")


class An4Builder(RecordingsBuilder):
    """What the stage ``create_dataset`` calls."""

    notices = [LICENSE]

    def is_built(self, recipe_dir: str | Path, **_unused: object) -> bool:
        """Tell whether the WAV files and the manifests are written."""
        return Path(recipe_dir, CONFIG.data_dir).is_dir()

    def build(self, recipe_dir: str | Path, **_unused: object) -> None:
        """Write the WAV files, and the manifests of the own splits and of all folds."""
        recordings = Path(recipe_dir, CONFIG.recordings_dir)
        parts = {
            part: read_transcripts(recordings / name)
            for part, name in CONFIG.parts.items()
        }
        transcripts = [t for part in parts.values() for t in part]
        with whole_folder(Path(recipe_dir, CONFIG.data_dir)) as data:
            shutil.copyfile(LICENSE, data / LICENSE.name)
            _write_recordings(transcripts, recordings, data / "wav")
            own = own_splits(_speakers(parts["train"]), _speakers(parts["test"]))
            _write_manifests(own, transcripts, data, fold=None)
            for fold in range(1, CONFIG.num_folds + 1):
                splits = fold_splits(_speakers(transcripts), fold)
                _write_manifests(splits, transcripts, data, fold)


def _speakers(transcripts: list[Transcript]) -> set[str]:
    return {transcript.speaker for transcript in transcripts}


def _write_recordings(
    transcripts: list[Transcript], recordings: Path, wavs: Path
) -> None:
    wavs.mkdir()
    for transcript in tqdm(transcripts, "AN4", unit="recording"):
        path = find_recording(recordings, transcript.recording)
        if path is None:
            raise FileNotFoundError(
                f"{recordings} lacks the recording {transcript.recording}; remove the "
                "folder and run the stage create_dataset again"
            )
        samples = read_audio(path, CONFIG.sample_rate)
        wav = wavs / f"{transcript.recording}.wav"
        soundfile.write(wav, samples, CONFIG.sample_rate, subtype="PCM_16")


def _write_manifests(
    splits: dict[str, set[str]],
    transcripts: list[Transcript],
    data: Path,
    fold: int | None,
) -> None:
    """Write the utterances of each split, a speaker's behind each other."""
    folder = manifest_folder(data, fold)
    wavs = Path(os.path.relpath(data / "wav", folder))
    for split, speakers in splits.items():
        chosen = [t for t in transcripts if t.speaker in speakers]
        write_manifest(
            folder / f"{split}.tsv",
            [
                Utterance(t.recording, (wavs / f"{t.recording}.wav").as_posix(), t.text)
                for t in sorted(chosen, key=lambda t: (t.speaker, t.recording))
            ],
        )
