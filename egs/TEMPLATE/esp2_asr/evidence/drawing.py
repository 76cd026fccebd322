"""What the figures of all recipes have in common."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from evidence.results import Row
from evidence.start import FIRST_STEPS, of_row

from espnet_residuals.instruments.showing.plot_style import COLOURS, MARKERS, new_figure

PERCENTS = (1, 2, 5, 10, 20, 30, 50, 100)
# More than there are colours.
STYLES = [*zip(COLOURS, MARKERS), *zip(COLOURS, MARKERS[1:])]


def mark_percents(axis: Any) -> None:
    """Write error rates as plain numbers."""
    low, high = axis.get_ylim()
    axis.set_yticks([tick for tick in PERCENTS if low <= tick <= high])
    axis.set_yticks([], minor=True)
    axis.yaxis.set_major_formatter("{x:g}")


def draw_start(groups: Mapping[str, Sequence[Row]], path: Path) -> None:
    """Draw what comes of each configuration over what first steps leave of the frames.

    Args:
        groups: Configurations by label.
        path: The file.
    """
    figure = new_figure(height=3)
    axis = figure.subplots()
    for (label, rows), (colour, marker) in zip(groups.items(), STYLES):
        frames = [of_row(row, FIRST_STEPS) for row in rows]
        losses = [mean(row.final_losses()) for row in rows]
        axis.plot(frames, losses, marker, color=colour, ms=4, label=label)
    axis.set(title="loss of the last steps", yscale="log")
    axis.set(xlabel="frames that are in the output after 30 steps towards blank")
    axis.legend()
    figure.savefig(path)
