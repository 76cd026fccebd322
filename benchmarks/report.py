"""The table and the figure of the results."""

from pathlib import Path
from typing import Sequence

from benchmarks.result import Result, Row

HEADER = ("what", "threads", "ours", "beside", "figure (medians)", "minima", "target")
MET = {True: "met", False: "not met", None: ""}


def write_report(results: Sequence[Result], folder: Path) -> str:
    """Write ``table.md`` and ``figure.png``.

    Args:
        results (Sequence[Result]): What to show, in this order.
        folder (Path): Where to.

    Returns:
        str: The table, in Markdown.
    """
    from benchmarks.figure import draw

    table = markdown(results)
    (folder / "table.md").write_text(table, encoding="utf-8")
    draw(results, folder / "figure.png")
    return table


def markdown(results: Sequence[Result]) -> str:
    """Return the table, with the machine above it."""
    machine = ", ".join(f"{key} {value}" for key, value in results[0].machine.items())
    lines = [f"{machine}.", "", _line(HEADER), _line(["---"] * len(HEADER))]
    lines += [_line(_cells(row)) for result in results for row in result.rows]
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    case = ", ".join(f"{name}={value}" for name, value in row.case.items())
    what = f"{row.what}{f' ({case})' if case else ''}: {row.quantity}"
    beside = "" if row.other is None else f"{row.other.name}: {_value(row, other=True)}"
    return [
        what,
        str(row.threads),
        _value(row),
        beside,
        _figure(row, row.figure()),
        _figure(row, row.figure(min)) if len(row.ours.values) > 1 else "",
        _target(row),
    ]


def _value(row: Row, other: bool = False) -> str:
    from statistics import median

    sample = row.other if other else row.ours
    assert sample is not None
    value, unit = median(sample.values), row.unit
    if unit == "s" and value < 0.1:
        value, unit = 1000 * value, "ms"
    return f"{value:.3g} {unit}"


def _figure(row: Row, figure: float) -> str:
    if row.other is None:
        return ""
    times = "less" if row.target.bound == "at least" else "as much"
    return f"{figure:.2f}x {times}"


def _target(row: Row) -> str:
    target = row.target
    wanted = [
        f"{target.bound} {target.value:g}" if target.value is not None else "",
        f"goal {target.goal:g}" if target.goal is not None else "",
    ]
    text = ", ".join(filter(None, wanted))
    return f"{text}: {MET[row.is_met]}" if text else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
