"""Tell whether recordings and transcripts are those that the splits rely on."""

import hashlib
from pathlib import Path

from .audio_file import read_audio
from .config import CONFIG
from .recordings import find_recording
from .transcript import Transcript, read_transcripts


def check_recordings(folder: Path, origin: str) -> None:
    """Raise unless a folder has all recordings, with the expected samples and words.

    Args:
        folder: The folder.
        origin: Where they come from, for the message.

    Raises:
        RuntimeError: If something is missing, damaged or differs.
    """
    absent = [name for name in CONFIG.parts.values() if not (folder / name).is_file()]
    if absent:
        raise RuntimeError(f"{origin} lacks {absent[0]}. {CONFIG.source.advice}")
    try:
        digest = _digest_of(folder, origin)
    except ValueError as error:
        raise RuntimeError(f"{origin}: {error}. {CONFIG.source.advice}") from error
    if digest != CONFIG.source.digest:
        raise RuntimeError(
            f"{origin} has recordings of the right names, but not those of AN4, or not "
            f"its words: their digest is {digest}, expected {CONFIG.source.digest}. "
            f"{CONFIG.source.advice}"
        )


def _digest_of(folder: Path, origin: str) -> str:
    """Return the SHA-256 of one line for each utterance: part, id, samples, words.

    The samples (16 bits, little endian) stand as their own SHA-256, so that it does
    not matter which file format they come in.
    """
    total = hashlib.sha256()
    for part, name in CONFIG.parts.items():
        transcripts = sorted(read_transcripts(folder / name))
        for transcript, path in zip(transcripts, _paths(transcripts, folder, origin)):
            samples = read_audio(path, CONFIG.sample_rate).astype("<i2").tobytes()
            content = hashlib.sha256(samples).hexdigest()
            line = f"{part} {transcript.recording} {content} {transcript.text}\n"
            total.update(line.encode())
    return total.hexdigest()


def _paths(transcripts: list[Transcript], folder: Path, origin: str) -> list[Path]:
    found = {t.recording: find_recording(folder, t.recording) for t in transcripts}
    missing = [utt_id for utt_id, path in found.items() if path is None]
    if missing:
        raise RuntimeError(
            f"{origin} lacks {len(missing)} of {len(found)} recordings, such as "
            f"{', '.join(missing[:3])}. {CONFIG.source.advice}"
        )
    return [path for path in found.values() if path is not None]
