"""What was logged of a training: a report for a terminal, and a figure.

The figure shows each quantity as a map of sublayers and steps.
"""

from pathlib import Path
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from espnet_residuals.instruments.following.event_files import History
from espnet_residuals.instruments.following.names import GRADIENT, MEAN_SQUARE, SHARE
from espnet_residuals.instruments.showing.figure import Panel, drawing
from espnet_residuals.instruments.showing.plot_style import VERMILION
from espnet_residuals.instruments.showing.table import table

PANELS = (
    Panel(MEAN_SQUARE, "Mean square of the stream", True),
    Panel(SHARE, "Share of the new branch", False),
    Panel(GRADIENT, "Gradient norm of the parameters", True),
)


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


def plot_history(path: Path, title: str, history: History) -> None:
    """Draw the stream, the branches and the gradient over depth and training.

    What was measured and is no finite number is red.

    Args:
        path (Path): The picture; its suffix tells the format.
        title (str): Whose history it is.
        history (History): The statistics.

    Raises:
        Failure: If matplotlib is not installed or the file cannot be written.
    """
    panels = [panel for panel in PANELS if panel.quantity in history.quantities]
    with drawing(path, height=0.6 + 2 * len(panels)) as figure:
        axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axis, panel in zip(axes, panels):
            _draw_panel(figure, axis, panel, history)
        axes[-1].set_xlabel("training step")
        figure.suptitle(title, wrap=True)


def _draw_panel(figure: Any, axis: Any, panel: Panel, history: History) -> None:
    from matplotlib.colors import ListedColormap, LogNorm, Normalize
    from matplotlib.ticker import LogFormatter

    values = history.quantities[panel.quantity]
    if panel.log:
        values = np.where(values > 0, values, np.nan)
    is_log = panel.log and bool(np.isfinite(values).any())
    edges = _edges(history.steps), np.arange(len(values) + 1) + 0.5
    mesh = axis.pcolormesh(
        *edges,
        np.where(np.isfinite(values), values, np.nan),
        norm=LogNorm() if is_log else Normalize(vmin=0),
    )
    bar = figure.colorbar(mesh, ax=axis, pad=0.01, format="%g")
    if is_log:
        bar.ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))
    is_broken = np.isinf(values)
    if is_broken.any():
        hidden = np.ma.masked_array(is_broken, mask=~is_broken)
        axis.pcolormesh(*edges, hidden, cmap=ListedColormap([VERMILION]))
    note = " (red: not finite)" if is_broken.any() else ""
    axis.set(title=f"{panel.title}{note}", ylabel="sublayer")
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.grid(False)


def _edges(steps: Sequence[int]) -> NDArray[np.float64]:
    """Return where each column of a map begins, and where the last ends."""
    middles = (np.array(steps[1:]) + np.array(steps[:-1])) / 2
    first = steps[0] - (middles[0] - steps[0] if len(steps) > 1 else 0.5)
    last = steps[-1] + (steps[-1] - middles[-1] if len(steps) > 1 else 0.5)
    return np.array([first, *middles, last])
