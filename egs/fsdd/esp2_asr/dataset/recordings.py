"""The recordings of the Free Spoken Digit Dataset."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .config import CONFIG
from .wav_file import read_wav

_FILE_NAME = re.compile(r"[0-9]_(?P<speaker>[a-z]+)_(?P<take>0|[1-9][0-9]?)\.wav")


class Recording(NamedTuple):
    """One spoken digit."""

    digit: int
    speaker: str
    take: int

    @property
    def file_name(self) -> str:
        """Return the name that the data set gives the file."""
        return f"{self.digit}_{self.speaker}_{self.take}.wav"


def all_recordings() -> Iterator[Recording]:
    """Yield what the data set consists of."""
    for speaker in CONFIG.source.speakers:
        for digit in range(10):
            for take in range(CONFIG.source.num_per_digit):
                yield Recording(digit, speaker, take)


def is_wanted(file_name: str) -> bool:
    """Tell whether it is the name of a recording."""
    match = _FILE_NAME.fullmatch(file_name)
    return (
        match is not None
        and match["speaker"] in CONFIG.source.speakers
        and int(match["take"]) < CONFIG.source.num_per_digit
    )


def read_recording(folder: Path, recording: Recording) -> np.ndarray:
    """Return the samples, 16-bit integers."""
    return read_wav(folder / recording.file_name, CONFIG.sample_rate)
