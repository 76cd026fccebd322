"""The figure of the results: every ratio to something else, beside its target."""

from pathlib import Path
from typing import Sequence

from benchmarks.result import Result, Row

# Okabe and Ito's colours, which colour-blind people tell apart.
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#999999"


def draw(results: Sequence[Result], path: Path) -> None:
    """Draw how many times less ours takes, one bar a row.

    Args:
        results (Sequence[Result]): What to show.
        path (Path): The PNG.
    """
    # Not needed to measure; and it must not look for a screen.
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for result in results for row in result.rows if row.other is not None]
    rows = rows[::-1]
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.3 * len(rows)))
    gains = [_gain(row, row.figure()) for row in rows]
    colours = [VERMILION if row.is_met is False else BLUE for row in rows]
    positions = range(len(rows))
    axes.barh(positions, [gain - 1 for gain in gains], left=1, color=colours)
    for position, row, gain in zip(positions, rows, gains):
        axes.annotate(f" {gain:.2g}", (max(gain, 1), position), va="center", fontsize=8)
        if row.target.value is not None:
            wanted = _gain(row, row.target.value)
            axes.plot([wanted] * 2, [position - 0.4, position + 0.4], color="black")
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(list(positions), [_label(row) for row in rows], fontsize=8)
    axes.set_xlabel(
        "times less than what it is compared with (log); black: target; "
        "orange: target not met"
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _gain(row: Row, figure: float) -> float:
    return figure if row.target.bound == "at least" else 1 / figure


def _label(row: Row) -> str:
    assert row.other is not None
    case = " ".join(f"{name}={value}" for name, value in row.case.items())
    return f"{row.what} {case} ({row.quantity}, {row.threads} thr.) | {row.other.name}"
