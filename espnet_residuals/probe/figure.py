"""Figures of what happens over the depth of an encoder."""

from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple, Sequence

from espnet_residuals.probe.closed_form import Step
from espnet_residuals.probe.failure import Exit, Failure
from espnet_residuals.probe.profile import Profile

# Okabe and Ito's colours, without yellow: told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Panel(NamedTuple):
    """One quantity over the depth.

    Attributes:
        quantity (str): Field of a reading.
        title (str): What it is.
        log (bool): Whether its axis is logarithmic.
    """

    quantity: str
    title: str
    log: bool


PANELS = (
    Panel("mean_square", "Mean square of the stream", True),
    Panel("share", "Share of the new branch", False),
    Panel("cosine", "Cosine between input and output", False),
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
    figure = _new_figure(13, 7.5)
    axes = figure.subplots(2, 3)
    for panel, axis in zip(PANELS, axes.flat):
        _draw_panel(axis, panel, profiles)
    legend = axes.flat[-1]
    legend.axis("off")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    legend.legend(handles, labels, loc="center left")
    figure.suptitle(title)
    _save(figure, path)


def plot_steps(path: Path, title: str, steps: Sequence[Step]) -> None:
    """Draw the weights of a residual function, and every sublayer's share.

    Args:
        path (Path): The picture; its suffix tells the format.
        title (str): The residual function.
        steps (Sequence[Step]): The input, and every sublayer.

    Raises:
        Failure: If matplotlib is not installed or the file cannot be written.
    """
    figure = _new_figure(10, 4)
    weights, shares = figure.subplots(1, 2)
    sublayers = [step for step in steps if step.i_layer]
    indices = [step.i_layer for step in sublayers]
    for quantity, label, colour, marker in zip(
        ("alpha", "beta"), ("α, weight of x", "β, weight of y"), COLOURS, MARKERS
    ):
        values = [getattr(step, quantity) for step in sublayers]
        weights.plot(indices, values, color=colour, marker=marker, label=label)
    weights.set(title="Weights", xlabel="sublayer")
    weights.legend()
    shares.bar([step.i_layer for step in steps], [step.share for step in steps])
    shares.set(title="Share of the output (0: the input)", xlabel="sublayer")
    shares.set_ylim(bottom=0)
    figure.suptitle(title)
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
            linewidth=1.5 * width,
            markersize=3 + 2 * width,
            label=profile.name,
        )
    axis.set(title=panel.title, xlabel="sublayer")
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.grid(alpha=0.3)
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


def _new_figure(width: float, height: float) -> Any:
    try:
        # Takes a second, and only a figure needs it.
        from matplotlib.figure import Figure
    except ImportError as error:
        raise Failure(
            Exit.USAGE, "--plot needs matplotlib; run: pip install matplotlib"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise Failure(
            Exit.FILE, f"cannot write {path}: {error.strerror or error}"
        ) from error
    except ValueError as error:
        raise Failure(Exit.USAGE, f"--plot {path}: {error}") from error
