"""When a streaming recogniser has the words that it reads."""

from collections.abc import Sequence
from typing import NamedTuple

from jiwer import process_words
from src.greedy import SPACE

from espnet_residuals.streaming.acoustic_model import StreamingAcousticModel
from espnet_residuals.streaming.transcript import Result


class Arrival(NamedTuple):
    """A word, and the samples that have come when the text gains its last letter."""

    word: str
    samples: int


def arrivals(
    result: Result, model: StreamingAcousticModel, piece: int
) -> list[Arrival]:
    """Return the words of a recording, read without a beam.

    A word that only the end of the recording brings counts as if the recording went on.

    Args:
        result: What was read.
        model: What gave the frames.
        piece: Samples that come at once.
    """
    words: list[list[tuple[str, int]]] = [[]]
    for token, frame in zip(result.tokens, result.hypothesis.states["frames"]):
        for letter in token:
            if letter == SPACE:
                words.append([])
            else:
                words[-1].append((letter, frame))
    return [
        Arrival(
            "".join(letter for letter, _ in word),
            _whole_pieces(word[-1][1] * model.samples_per_frame + model.delay, piece),
        )
        for word in words
        if word
    ]


def arrivals_of(said: Sequence[str], found: Sequence[Arrival]) -> list[int | None]:
    """Return when each word that was said arrived; None for words read wrong.

    Args:
        said: The words.
        found: What was read.
    """
    read = " ".join(arrival.word for arrival in found)
    (chunks,) = process_words(" ".join(said), read).alignments
    times: list[int | None] = [None] * len(said)
    for chunk in chunks:
        if chunk.type == "equal":
            right = found[chunk.hyp_start_idx : chunk.hyp_end_idx]
            times[chunk.ref_start_idx : chunk.ref_end_idx] = [a.samples for a in right]
    return times


def _whole_pieces(samples: int, piece: int) -> int:
    return -(-samples // piece) * piece
