"""Figures of what happens over the depth of an encoder."""

from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.measuring.closed_form import Step
from espnet_residuals.instruments.measuring.profile import Profile
from espnet_residuals.instruments.showing.output import whole_file
from espnet_residuals.instruments.showing.plot_style import (
    COLOURS,
    MARKERS,
    new_figure,
    styled,
)


class Panel(NamedTuple):
    """One quantity to draw.

    Attributes:
        quantity (str): Field of a reading.
        title (str): What it is.
        log (bool): Whether it is shown on a logarithmic scale.
    """

    quantity: str
    title: str
    log: bool


PANELS = (
    Panel("mean_square", "Mean square of the stream", True),
    Panel("share", "Share of the new branch", False),
    Panel("frames", "Frames of the input still there", False),
    Panel("stream_gradient", "Gradient norm of the stream", True),
    Panel("parameter_gradient", "Gradient norm of the parameters", True),
)


def plot_profiles(path: Path, title: str, profiles: Sequence[Profile]) -> None:
    """Draw every quantity over the depth, one line for each profile.

    Args:
        path (Path): The picture; its suffix tells the format.
        title (str): What was probed.
        profiles (Sequence[Profile]): The profiles.

    Raises:
        Failure: If matplotlib is not installed or the file cannot be written.
    """
    with drawing(path, height=5) as figure:
        axes = figure.subplots(2, 3)
        for panel, axis in zip(PANELS, axes.flat):
            _draw_panel(axis, panel, profiles)
        legend = axes.flat[-1]
        legend.axis("off")
        handles, labels = axes.flat[0].get_legend_handles_labels()
        legend.legend(handles, labels, loc="center left")
        figure.suptitle(title, wrap=True)


def plot_steps(path: Path, title: str, steps: Sequence[Step]) -> None:
    """Draw the weights of a residual function, and every sublayer's share.

    Args:
        path (Path): The picture; its suffix tells the format.
        title (str): The residual function.
        steps (Sequence[Step]): The input, and every sublayer.

    Raises:
        Failure: If matplotlib is not installed or the file cannot be written.
    """
    sublayers = [step for step in steps if step.i_layer]
    indices = [step.i_layer for step in sublayers]
    with drawing(path, height=3) as figure:
        weights, shares = figure.subplots(1, 2)
        for quantity, label, marker in zip(
            ("alpha", "beta"), ("α, weight of x", "β, weight of y"), MARKERS
        ):
            values = [getattr(step, quantity) for step in sublayers]
            weights.plot(indices, values, marker=marker, label=label)
        weights.set(title="Weights", xlabel="sublayer")
        weights.legend()
        shares.bar([step.i_layer for step in steps], [step.share for step in steps])
        shares.set(title="Share of the output (0: the input)", xlabel="sublayer")
        shares.set_ylim(bottom=0)
        for axis in (weights, shares):
            axis.xaxis.get_major_locator().set_params(integer=True)
        figure.suptitle(title, wrap=True)


@contextmanager
def drawing(path: Path, height: float) -> Iterator[Any]:
    """Give a figure to draw on, and write it at the end.

    Args:
        path (Path): The picture; its suffix tells the format.
        height (float): Its height in inches.

    Yields:
        Any: The ``matplotlib.figure.Figure``.

    Raises:
        Failure: If matplotlib is not installed or the file cannot be written.
    """
    try:
        style = styled()
    except ImportError as error:
        raise Failure(
            Exit.USAGE, "--plot needs matplotlib; run: pip install matplotlib"
        ) from error
    with style:
        figure = new_figure(height)
        yield figure
        _save(figure, path)


def _draw_panel(axis: Any, panel: Panel, profiles: Sequence[Profile]) -> None:
    # The first line is the widest, so that it shows behind one that covers it.
    widths = range(len(profiles), 0, -1)
    for profile, width, colour, marker in zip(
        profiles, widths, cycle(COLOURS), cycle(MARKERS)
    ):
        axis.plot(
            [reading.i_layer for reading in profile.readings],
            [getattr(reading, panel.quantity) for reading in profile.readings],
            color=colour,
            marker=marker,
            linewidth=1 + 0.8 * (width - 1),
            markersize=2.5 + 1.2 * (width - 1),
            label=profile.name,
        )
    axis.set(title=panel.title, xlabel="sublayer")
    axis.xaxis.get_major_locator().set_params(integer=True)
    if panel.log and _any_positive(panel, profiles):
        axis.set_yscale("log")
    elif not panel.log:
        axis.set_ylim(top=1.05, bottom=min(-0.05, axis.get_ylim()[0]))


def _any_positive(panel: Panel, profiles: Sequence[Profile]) -> bool:
    return any(
        getattr(reading, panel.quantity) > 0
        for profile in profiles
        for reading in profile.readings
    )


def _save(figure: Any, path: Path) -> None:
    if not path.suffix:  # as matplotlib does
        path = path.with_suffix(".png")
    try:
        with whole_file(path) as scratch:
            figure.savefig(scratch)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--plot {path}: {error}") from error
