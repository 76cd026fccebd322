"""The files of the AN4 corpus."""

import re
from pathlib import Path

from .config import CONFIG

_RECORDING = re.compile(r"(an|cen)[0-9]{1,4}-[a-z]{4}[0-9]?-b\.(flac|sph|wav)")
_SUFFIXES = (".flac", ".sph", ".wav")


def is_wanted(file_name: str) -> bool:
    """Tell whether it is the name of a recording or of a transcript file."""
    return (
        _RECORDING.fullmatch(file_name) is not None
        or file_name in CONFIG.parts.values()
    )


def find_recording(folder: Path, utt_id: str) -> Path | None:
    """Return the recording of an utterance, whichever format it has."""
    paths = [folder / f"{utt_id}{suffix}" for suffix in _SUFFIXES]
    return next((path for path in paths if path.is_file()), None)
