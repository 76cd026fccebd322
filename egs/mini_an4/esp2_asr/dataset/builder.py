"""Prepare mini_an4: unpack the archive, write 16-bit wav files and manifests."""

from pathlib import Path

import soundfile
from espnet3.components.data.dataset_builder import DatasetBuilder

from .archive import extract_archive, find_archive
from .audio_file import read_audio
from .config import CONFIG
from .manifest import Utterance, write_manifest
from .transcript import read_transcripts
from .whole_folder import whole_folder


class MiniAn4Builder(DatasetBuilder):
    """What the stage ``create_dataset`` calls, in the order of the methods here.

    Both folders appear in one step when they are complete, so a folder that exists
    is ready and an interrupted stage can simply be run again. ESPnet's template adds
    options to ``recipe_dir`` that are not used here.
    """

    def is_source_prepared(self, recipe_dir: str | Path, **_unused: object) -> bool:
        """Tell whether the archive is unpacked."""
        return Path(recipe_dir, CONFIG.downloads_dir).is_dir()

    def prepare_source(self, recipe_dir: str | Path, **_unused: object) -> None:
        """Unpack the archive."""
        archive = find_archive(CONFIG.archive.package, CONFIG.archive.file)
        extract_archive(archive, Path(recipe_dir, CONFIG.downloads_dir))

    def is_built(self, recipe_dir: str | Path, **_unused: object) -> bool:
        """Tell whether the recordings and the manifests are written."""
        return Path(recipe_dir, CONFIG.data_dir).is_dir()

    def build(self, recipe_dir: str | Path, **_unused: object) -> None:
        """Write the recordings and the manifests of all splits."""
        downloads = Path(recipe_dir, CONFIG.downloads_dir)
        with whole_folder(Path(recipe_dir, CONFIG.data_dir)) as data:
            train = _build_part("train", downloads, data)
            test = _build_part("test", downloads, data)
            write_manifest(data / "valid.tsv", train[: CONFIG.num_valid])
            write_manifest(data / "train.tsv", train[CONFIG.num_valid :])
            write_manifest(data / "test.tsv", test)


def _build_part(part: str, downloads: Path, data: Path) -> list[Utterance]:
    """Write the recordings of one part; return its utterances in order of id."""
    spec = CONFIG.parts[part]
    utterances = []
    for transcript in read_transcripts(downloads / spec.transcript):
        recording = transcript.recording
        sphere = downloads / spec.recordings / transcript.speaker / f"{recording}.sph"
        wav = Path("wav", f"{recording}.wav")
        _write_wav(sphere, data / wav)
        utterances.append(Utterance(recording, wav.as_posix(), transcript.text))
    return sorted(utterances)


def _write_wav(sphere: Path, wav: Path) -> None:
    """Copy the first channel of a NIST SPHERE file into a 16-bit wav file."""
    samples = read_audio(sphere, CONFIG.sample_rate)
    wav.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(wav, samples, CONFIG.sample_rate, subtype="PCM_16")
