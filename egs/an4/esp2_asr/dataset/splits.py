"""Who is in which split: nobody in two."""

from collections.abc import Collection, Sequence

from .config import CONFIG
from .random_numbers import draw, random_numbers

SPLITS = ("train", "valid", "test")


def own_splits(train: Collection[str], test: Collection[str]) -> dict[str, set[str]]:
    """Return the speakers of each split, where the test split is the data set's own.

    Args:
        train: The speakers of the data set's train part.
        test: The speakers of its test part.
    """
    return _with_valid(_deal(train), test)


def fold_splits(speakers: Collection[str], fold: int) -> dict[str, set[str]]:
    """Return the speakers of each split, where the test split is one fold of all.

    The folds are disjoint and of nearly the same size, each with its share of women.

    Args:
        speakers: All of them.
        fold: From 1 on.
    """
    dealt = _deal(speakers)
    test = dealt[fold - 1 :: CONFIG.num_folds]
    return _with_valid([name for name in dealt if name not in test], test)


def check_fold(fold: int | None) -> None:
    """Raise a ValueError if there is no such fold; None is the data set's own test."""
    folds = range(1, CONFIG.num_folds + 1)
    if fold is not None and (isinstance(fold, bool) or fold not in folds):
        raise ValueError(
            f"fold: must be null or an integer from 1 to {folds[-1]}, got {fold!r}"
        )


def _with_valid(others: Sequence[str], test: Collection[str]) -> dict[str, set[str]]:
    """Take the valid speakers out of dealt ones, evenly spaced."""
    n = CONFIG.num_valid
    valid = {others[number * len(others) // n] for number in range(n)}
    return {"train": set(others) - valid, "valid": valid, "test": set(test)}


def _deal(speakers: Collection[str]) -> list[str]:
    """Return women, then men (their names begin with f and m), shuffled."""
    numbers = random_numbers(CONFIG.seed)
    dealt = []
    for letter in ("f", "m"):
        deck = sorted(name for name in speakers if name.startswith(letter))
        while deck:
            dealt.append(deck.pop(draw(numbers, (0, len(deck) - 1))))
    return dealt
