"""The figure of the results: every ratio to something else, beside its target."""

from pathlib import Path
from typing import Any, Sequence

from benchmarks.result import Result, Row
from espnet_residuals.instruments.showing.plot_style import (
    BLUE,
    GREY,
    MARKERS,
    VERMILION,
    new_figure,
    styled,
)

TITLES = {
    "at least": "times less than the other (right is better)",
    "at most": "times as much as the other (left is better)",
}
INCHES_PER_LINE = 0.36


def draw(results: Sequence[Result], path: Path) -> None:
    """Draw one panel of gains and one of costs, one line a subject.

    Args:
        results (Sequence[Result]): What to show.
        path (Path): The PNG.
    """
    rows = [row for result in results for row in result.rows if row.other is not None]
    panels = {
        bound: [row for row in rows if row.target.bound == bound] for bound in TITLES
    }
    panels = {bound: rows for bound, rows in panels.items() if rows}
    heights = [len(_labels(rows)) + 2 for rows in panels.values()]
    with styled():
        figure = new_figure(height=INCHES_PER_LINE * (sum(heights) + 2))
        axes = figure.subplots(len(panels), height_ratios=heights, squeeze=False)
        counts = sorted({row.threads for row in rows})
        for axis, (bound, of_panel) in zip(axes[:, 0], panels.items()):
            _draw_panel(axis, of_panel, counts)
            axis.set_title(TITLES[bound])
        figure.legend(handles=_legend(counts), loc="outside lower center", ncols=9)
        figure.savefig(path)


def _draw_panel(axis: Any, rows: Sequence[Row], counts: Sequence[int]) -> None:
    labels = _labels(rows)
    axis.axvline(1, color=GREY, linewidth=1)
    for row in rows:
        line = labels.index(_label(row))
        axis.plot(
            row.figure(),
            line,
            MARKERS[counts.index(row.threads) % len(MARKERS)],
            color=VERMILION if row.is_met is False else BLUE,
            markerfacecolor="white" if row.is_met is None else None,
        )
        wanted = row.target.value or row.target.goal
        if wanted is not None:
            axis.plot(wanted, line, "|", color="black", markersize=13)
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    ticks = [t for t in (0.5, 1, 2, 5, 10, 20, 50) if low <= t <= high]
    axis.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axis.set_xticks([], minor=True)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(False, axis="x")


def _legend(counts: Sequence[int]) -> list[Any]:
    from matplotlib.lines import Line2D

    def entry(marker: str, color: str, label: str, **more: Any) -> Line2D:
        return Line2D([], [], marker=marker, color=color, ls="", label=label, **more)

    return [
        *(
            entry(marker, GREY, f"{count} thread{'s' if count > 1 else ''}")
            for marker, count in zip(MARKERS, counts)
        ),
        entry("|", "black", "target", markersize=13),
        entry("s", BLUE, "met"),
        entry("s", VERMILION, "not met"),
        entry("s", BLUE, "no target", markerfacecolor="white"),
    ]


def _labels(rows: Sequence[Row]) -> list[str]:
    """Return the label of each line, from the top."""
    return list(dict.fromkeys(_label(row) for row in rows))


def _label(row: Row) -> str:
    assert row.other is not None
    case = ", ".join(f"{name}={value}" for name, value in row.case.items())
    what = f"{row.what} ({case})" if case else row.what
    memory = "" if row.quantity == "time" else f": {row.quantity}"
    return f"{what}{memory}\nbeside {row.other.name}"
