"""The report on the history of a training, for a terminal."""

from pathlib import Path

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
    """Return whose history it is, and what was measured first and last.

    Args:
        folder (Path): The folder of the experiment.
        history (History): The statistics.

    Returns:
        str: The report.
    """
    head = ["sublayer"]
    for quantity in history.quantities:
        head += [f"{quantity.replace('_', ' ')} first", "last"]
    ends = [values[:, [0, -1]] for values in history.quantities.values()]
    rows = [
        [row + 1, *(float(value) for pair in ends for value in pair[row])]
        for row in range(history.sublayers)
    ]
    return "\n".join([title(folder, history), "", table(head, rows)])
