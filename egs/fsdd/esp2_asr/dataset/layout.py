"""What follows what in the utterances of a split: recordings and pauses."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .audio import lay_out, quiet_pieces
from .plan import Plan
from .random_numbers import random_numbers
from .recordings import read_recording
from .strings import deal_strings, text_of


class LaidOut(NamedTuple):
    """One utterance; ``parts`` are a pause, the first word, a pause, and so on."""

    utt_id: str
    text: str
    parts: list[np.ndarray]

    @property
    def word_bounds(self) -> list[tuple[int, int]]:
        """The first sample of each word, and the first one behind it."""
        ends = np.cumsum([len(part) for part in self.parts]).tolist()
        return list(zip(ends[0::2], ends[1::2]))


def lay_out_split(plan: Plan, recordings: Path) -> Iterator[LaidOut]:
    """Yield the utterances of a split, the same each time.

    Args:
        plan: The split.
        recordings: The folder of the recordings.
    """
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
    for number, string in enumerate(deal_strings(plan, numbers)):
        speaker = string[0].speaker
        digits = [voices[speaker][recording] for recording in string]
        yield LaidOut(
            f"{speaker}_{plan.name}_{number:04d}",
            text_of(string),
            lay_out(digits, silences[speaker], numbers),
        )
