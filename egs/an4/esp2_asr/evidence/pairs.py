"""The errors of configurations by speaker, and the differences between two."""

from collections.abc import Sequence
from statistics import mean

from evidence.lines import Result
from src.bootstrap import Rate, resampled_rate

Speaker = tuple[int, str]  # of a fold


def wer_of(lines: Sequence[Result], test_set: str) -> Rate:
    """Return the word error rate of all folds together, with its 95 % interval.

    Args:
        lines: The cells of a configuration; of several seeds a speaker's errors are
            the mean.
        test_set: Such as ``test``.
    """
    errors, words = _by_speaker(lines, test_set)
    return resampled_rate(list(errors.values()), list(words.values()))


def difference(
    lines: Sequence[Result], others: Sequence[Result], test_set: str
) -> Rate | None:
    """Return by how much a word error rate is above another, in points.

    A speaker's errors with the one are compared with the same speaker's errors with the
    other: only cells of the same fold and seed count.

    Args:
        lines: The cells of a configuration.
        others: Those of the one that it is compared with.
        test_set: Such as ``test``.

    Returns:
        The difference with its 95 % interval; None where no cells match.
    """
    common = _runs(lines) & _runs(others)
    if not common:
        return None
    errors, words = _by_speaker(_only(lines, common), test_set)
    other_errors, _ = _by_speaker(_only(others, common), test_set)
    more = [errors[speaker] - other_errors[speaker] for speaker in errors]
    return resampled_rate(more, list(words.values()))


def _runs(lines: Sequence[Result]) -> set[tuple[int, int]]:
    return {(line["fold"], line["seed"]) for line in lines}


def _only(lines: Sequence[Result], runs: set[tuple[int, int]]) -> list[Result]:
    return [line for line in lines if (line["fold"], line["seed"]) in runs]


def _by_speaker(
    lines: Sequence[Result], test_set: str
) -> tuple[dict[Speaker, float], dict[Speaker, int]]:
    """Return mean errors over seeds, and words, of each speaker."""
    errors: dict[Speaker, list[int]] = {}
    words = {}
    for line in lines:
        for name, (wrong, length) in line["errors"][test_set].items():
            speaker = (line["fold"], name)
            errors.setdefault(speaker, []).append(wrong)
            words[speaker] = length
    return {speaker: mean(found) for speaker, found in errors.items()}, words
