"""Deal recordings into strings of digits."""

from collections.abc import Iterator, Sequence

import numpy as np

from .plan import Plan
from .random_numbers import draw
from .recordings import Recording

WORDS = "ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE".split()


def deal_strings(plan: Plan, numbers: np.random.RandomState) -> list[list[Recording]]:
    """Return the recordings of each string of a split.

    The speakers take turns. Each has all recordings of the split in a shuffled deck and
    starts the deck anew when it is used up, so that all are heard equally often.
    """
    decks = [_endless_deck(plan, speaker, numbers) for speaker in plan.speakers]
    strings = []
    for number in range(plan.strings):
        deck = decks[number % len(decks)]
        length = draw(numbers, plan.digits)
        strings.append([next(deck) for _ in range(length)])
    return strings


def text_of(string: Sequence[Recording]) -> str:
    """Return the words of a string."""
    return " ".join(WORDS[recording.digit] for recording in string)


def _endless_deck(
    plan: Plan, speaker: str, numbers: np.random.RandomState
) -> Iterator[Recording]:
    while True:
        deck = plan.recordings_of(speaker)
        while deck:
            yield deck.pop(draw(numbers, (0, len(deck) - 1)))
