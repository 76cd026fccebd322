"""Which splits there are, and what each is made of."""

from collections.abc import Sequence
from typing import NamedTuple

from .config import CONFIG
from .recordings import Recording


class Plan(NamedTuple):
    """What one split is made of; pairs of numbers are the first and the last."""

    name: str
    speakers: Sequence[str]
    takes: Sequence[int]
    strings: int
    digits: Sequence[int]
    seed: int

    def recordings_of(self, speaker: str) -> list[Recording]:
        """Return those of a speaker's recordings that the split may use."""
        first, last = self.takes
        return [
            Recording(digit, speaker, take)
            for digit in range(10)
            for take in range(first, last + 1)
        ]


def make_plans(held_out: str | None) -> list[Plan]:
    """Return the plans of all splits, if need be without a speaker."""
    others = [name for name in CONFIG.source.speakers if name != held_out]
    plans = [Plan(name, others, **split) for name, split in CONFIG.splits.items()]
    if held_out is not None:
        plans.append(Plan("unseen", [held_out], **CONFIG.unseen))
    return plans
