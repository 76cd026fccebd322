"""The list of utterances of one split: a TSV file of id, recording and text."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Utterance(NamedTuple):
    """One line of a manifest; ``wav`` is relative to the data folder."""

    utt_id: str
    wav: str
    text: str


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write one line for each utterance."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["\t".join(utterance) + "\n" for utterance in utterances]
    path.write_text("".join(lines), encoding="utf-8")


def read_manifest(path: Path) -> list[Utterance]:
    """Read what ``write_manifest`` wrote."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; run the stage create_dataset")
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Utterance(*line.split("\t")) for line in lines]
