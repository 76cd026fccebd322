"""A data set of the same layouts as AN4, small and made of noise."""

from collections.abc import Iterator
from hashlib import sha256, shake_256
from pathlib import Path

import numpy as np
import soundfile

RECIPE = Path(__file__).parents[2] / "egs" / "an4" / "esp2_asr"
SPEAKERS = {
    "train": ("fann", "feve", "mbob", "mdan", "mgus", "mhal", "mike", "mjon"),
    "test": ("fcat", "mlee"),
}
WORDS = ("YES", "RUBOUT G M E F THREE NINE")
SMALL = {"num_valid": 2, "num_folds": 5}
FOLDERS = {"train": "an4_clstk", "test": "an4test_clstk"}
FORMATS = {"flac": "FLAC", "sph": "NIST", "wav": "WAV"}


def utterances(part: str) -> Iterator[tuple[str, str]]:
    """Yield id and words of each utterance of a part."""
    for speaker in SPEAKERS[part]:
        for number, words in enumerate(WORDS):
            yield f"{('an', 'cen')[number]}{number}-{speaker}-b", words


def samples_of(utt_id: str) -> np.ndarray:
    """Return a tenth of a second of noise or a little more; other for each name."""
    length = 1600 + sha256(utt_id.encode()).digest()[0]
    noise = np.frombuffer(shake_256(utt_id.encode()).digest(2 * length), "<i2")
    return noise // 4


def write_data_set(folder: Path, suffix: str = "sph", rate: int = 16000) -> Path:
    """Write the data set in one of the layouts that it is known in."""
    etc = folder / "etc"
    etc.mkdir(parents=True)
    for part in SPEAKERS:
        lines = []
        for utt_id, words in utterances(part):
            said = f"<s> {words} </s>" if part == "train" else words
            lines.append(f"{said} ({utt_id})\n")
            speaker = utt_id.split("-")[1]
            layout = ["flac"] if suffix == "flac" else ["wav", FOLDERS[part], speaker]
            path = folder.joinpath(*layout, f"{utt_id}.{suffix}")
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(
                path, samples_of(utt_id), rate, "PCM_16", format=FORMATS[suffix]
            )
        etc.joinpath(f"an4_{part}.transcription").write_text("".join(lines))
    return folder


def digest() -> str:
    """Return the digest of the data set, as dataset/check.py describes it."""
    lines = [
        f"{part} {utt_id} {sha256(samples_of(utt_id).tobytes()).hexdigest()} {words}\n"
        for part in SPEAKERS
        for utt_id, words in sorted(utterances(part))
    ]
    return sha256("".join(lines).encode()).hexdigest()
