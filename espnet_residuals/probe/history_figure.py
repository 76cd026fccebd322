"""The figure of a training: each quantity as a map of sublayers and steps."""

from pathlib import Path
from typing import Any, Sequence

import numpy as np
from numpy.typing import NDArray

from espnet_residuals.layer_stats.names import GRADIENT, MEAN_SQUARE, SHARE
from espnet_residuals.plot_style import VERMILION
from espnet_residuals.probe.figure import Panel, drawing
from espnet_residuals.probe.history import History

PANELS = (
    Panel(MEAN_SQUARE, "Mean square of the stream", True),
    Panel(SHARE, "Share of the new branch", False),
    Panel(GRADIENT, "Gradient norm of the parameters", True),
)


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
