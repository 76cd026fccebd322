"""The transcript files of the AN4 corpus."""

import re
from pathlib import Path
from typing import NamedTuple

_LINE = re.compile(r"(?:<s> )?(?P<text>.+?)(?: </s>)? \((?P<recording>[^()]+)\)")


class Transcript(NamedTuple):
    """The words of one recording."""

    recording: str
    text: str

    @property
    def speaker(self) -> str:
        """Return the speaker of a recording named ``<prompt>-<speaker>-<take>``."""
        return self.recording.split("-")[1]


def read_transcripts(path: Path) -> list[Transcript]:
    """Read lines such as ``<s> YES </s> (an251-fash-b)``."""
    transcripts = []
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(
                f"{path}: expected 'WORDS (prompt-speaker-take)', got {line!r}"
            )
        transcripts.append(Transcript(match["recording"], match["text"]))
    return transcripts
