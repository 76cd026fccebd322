"""Long recordings: the utterances of a speaker, one behind the other."""

from collections.abc import Sequence
from itertools import groupby

import torch
from evidence.data import SAMPLE_RATE, Utterance


def join(utterances: Sequence[Utterance], seconds: float) -> list[Utterance]:
    """Join a speaker's utterances to recordings of some length.

    Args:
        utterances: A speaker's behind each other.
        seconds: How long each recording is at least. What is left over at a speaker's
            end goes to the recording before; a speaker who says less has one.
    """
    recordings = []
    for _, group in groupby(utterances, key=lambda utterance: utterance.speaker):
        rest = list(group)
        while rest:
            n_taken = _count(rest, seconds)
            if _duration(rest[n_taken:]) < seconds:
                n_taken = len(rest)
            recordings.append(_joined(rest[:n_taken]))
            rest = rest[n_taken:]
    return recordings


def _count(utterances: Sequence[Utterance], seconds: float) -> int:
    """Return how many utterances it takes to last so long."""
    count = 1
    while count < len(utterances) and _duration(utterances[:count]) < seconds:
        count += 1
    return count


def _duration(utterances: Sequence[Utterance]) -> float:
    return sum(len(utterance.speech) for utterance in utterances) / SAMPLE_RATE


def _joined(utterances: Sequence[Utterance]) -> Utterance:
    return Utterance(
        utterances[0].speaker,
        torch.cat([utterance.speech for utterance in utterances]),
        " ".join(utterance.text for utterance in utterances),
    )
