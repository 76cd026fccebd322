"""Print what the data sounds like in numbers: ``python -m dataset.statistics``."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import soundfile

from .audio import quiet_pieces
from .config import CONFIG
from .location import data_folder
from .manifest import read_manifest
from .plan import Plan, make_plans
from .random_numbers import random_numbers
from .recordings import all_recordings, read_recording
from .strings import deal_strings

Row = Sequence[str]


def main() -> None:
    """Print one table of the recordings and one of the splits, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", metavar="SPEAKER", help="default: nobody")
    held_out = parser.parse_args().held_out
    recipe_dir = Path(__file__).parents[1]
    for line in describe(recipe_dir, held_out):
        print(line)


def describe(recipe_dir: Path, held_out: str | None) -> Iterator[str]:
    """Yield the lines of both tables."""
    recordings = recipe_dir / CONFIG.recordings_dir
    data = data_folder(recipe_dir, held_out)
    yield from _table(
        ("speaker", "length, ms", "level, dB", "silence, dB"),
        [_speaker_row(speaker, recordings) for speaker in CONFIG.source.speakers],
    )
    yield ""
    yield from _table(
        (
            "split",
            "strings",
            "recordings",
            "uses of each",
            "digits",
            "digits a string",
            "minutes",
            "seconds a string",
            "pauses, %",
            "level, dB",
        ),
        [_split_row(plan, recordings, data) for plan in make_plans(held_out)],
    )


def _speaker_row(speaker: str, folder: Path) -> Row:
    voice = [
        read_recording(folder, recording)
        for recording in all_recordings()
        if recording.speaker == speaker
    ]
    lengths = [1000 * len(samples) / CONFIG.sample_rate for samples in voice]
    levels = [_level(samples) for samples in voice]
    silence = [_level(piece) for piece in quiet_pieces(voice)]
    return speaker, _spread(lengths), _spread(levels), _spread(silence)


def _split_row(plan: Plan, recordings: Path, data: Path) -> Row:
    strings = deal_strings(plan, random_numbers(plan.seed))
    spoken = list(chain.from_iterable(strings))
    uses = Counter(spoken).values()
    utterances = [
        soundfile.read(data / utterance.wav, dtype="int16")[0]
        for utterance in read_manifest(data / f"{plan.name}.tsv")
    ]
    seconds = [len(samples) / CONFIG.sample_rate for samples in utterances]
    length_of = {
        recording: len(read_recording(recordings, recording)) / CONFIG.sample_rate
        for recording in set(spoken)
    }
    speech = sum(length_of[recording] for recording in spoken)
    return (
        plan.name,
        str(len(utterances)),
        str(len(uses)),
        f"{min(uses)} to {max(uses)}",
        str(len(spoken)),
        _spread([len(string) for string in strings]),
        f"{sum(seconds) / 60:.0f}",
        _spread(seconds, digits=1),
        f"{100 * (1 - speech / sum(seconds)):.0f}",
        _spread([_level(samples) for samples in utterances]),
    )


def _level(samples: np.ndarray) -> float:
    """Return the root mean square without the offset, in dB of full scale."""
    return 20 * float(np.log10(samples.std() / 2**15))


def _spread(values: Sequence[float], digits: int = 0) -> str:
    """Return the 5th, 50th and 95th percentile."""
    return " / ".join(f"{v:.{digits}f}" for v in np.percentile(values, [5, 50, 95]))


def _table(header: Row, rows: Sequence[Row]) -> Iterator[str]:
    for row in (header, ["---"] * len(header), *rows):
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    main()
