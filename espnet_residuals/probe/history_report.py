"""The report on the history of a training, for a terminal."""

from pathlib import Path
from typing import Sequence

import numpy as np
from numpy.typing import NDArray

from espnet_residuals.probe.history import History
from espnet_residuals.probe.table import table


def title(folder: Path, history: History) -> str:
    """Return in one line whose history it is.

    Args:
        folder (Path): The folder of the experiment.
        history (History): The statistics.

    Returns:
        str: The line.
    """
    steps = history.steps
    return (
        f"{folder}: {history.sublayers} sublayers, measured {len(steps)} times, "
        f"from step {steps[0]} to {steps[-1]}"
    )


def report(folder: Path, history: History) -> str:
    """Return whose history it is, what was measured first and last, and what broke.

    Args:
        folder (Path): The folder of the experiment.
        history (History): The statistics.

    Returns:
        str: The report.
    """
    head = ["sublayer"]
    for quantity in history.quantities:
        head += [f"{_words(quantity)} first", "last"]
    ends = [values[:, [0, -1]] for values in history.quantities.values()]
    rows = [
        [row + 1, *(float(value) for pair in ends for value in pair[row])]
        for row in range(history.sublayers)
    ]
    broken = [
        _where_broken(quantity, values, history.steps)
        for quantity, values in history.quantities.items()
        if np.isinf(values).any()
    ]
    lines = [title(folder, history), "", table(head, rows)]
    return "\n".join([*lines, "", *broken] if broken else lines)


def _where_broken(
    quantity: str, values: NDArray[np.float64], steps: Sequence[int]
) -> str:
    """Say when a quantity was no finite number, and in which sublayers first."""
    measured = np.flatnonzero(~np.isnan(values).all(axis=0))
    broken = np.flatnonzero(np.isinf(values).any(axis=0))
    first = broken[0]
    is_to_the_end = set(broken) == {i for i in measured if i >= first}
    when = (
        f"from step {steps[first]} on"
        if is_to_the_end
        else (f"{len(broken)} of {len(measured)} times, first at step {steps[first]}")
    )
    where = _ranges(np.flatnonzero(np.isinf(values[:, first])) + 1)
    return f"{_words(quantity)}: not finite {when}, there in {where}"


def _ranges(sublayers: NDArray[np.int_]) -> str:
    """Return the numbers of sublayers as ranges.

    Examples:
        >>> _ranges(np.array([1, 3, 4, 5]))
        'sublayers 1, 3-5'
    """
    runs = np.split(sublayers, np.flatnonzero(np.diff(sublayers) > 1) + 1)
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    word = "sublayers" if len(sublayers) > 1 else "sublayer"
    return f"{word} {', '.join(texts)}"


def _words(quantity: str) -> str:
    return quantity.replace("_", " ")
