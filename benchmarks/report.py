"""The table and the figure of the results."""

from pathlib import Path
from statistics import median
from typing import Sequence

from benchmarks.figure import draw
from benchmarks.result import Result, Row

FEW = 3

START, END = "<!-- written by python -m benchmarks -->\n", "<!-- to here -->\n"


def write_report(results: Sequence[Result], folder: Path, readme: Path) -> str:
    """Draw ``figure.png``, and put the table into a README.

    Args:
        results (Sequence[Result]): What to show, in this order.
        folder (Path): Where the figure goes.
        readme (Path): Has two comments between which the table goes.

    Returns:
        str: The table, in Markdown.
    """
    draw(results, folder / "figure.png")
    table = markdown(results)
    before, rest = readme.read_text(encoding="utf-8").split(START, 1)
    _, after = rest.split(END, 1)
    readme.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")
    return table


def markdown(results: Sequence[Result]) -> str:
    """Return the table, with the machine above it."""
    machine = ", ".join(f"{key} {value}" for key, value in results[0].machine.items())
    rows = [row for result in results for row in result.rows]
    counts = sorted({row.threads for row in rows})
    threads = [f"{n} thread{'s' if n > 1 else ''}" for n in counts]
    header = ["what", "beside", *threads, "target"]
    lines = [f"{machine}.", "", _line(header), _line(["---"] * len(header))]
    for alike in _by_subject(rows):
        figures = [_figure(alike[n]) if n in alike else "" for n in counts]
        first = alike[min(alike)]
        beside = "" if first.other is None else first.other.name
        lines.append(_line([_subject(first), beside, *figures, _target(first)]))
    return "\n".join(lines) + "\n"


def _by_subject(rows: Sequence[Row]) -> list[dict[int, Row]]:
    """Gather the rows that differ only in the number of threads."""
    gathered: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        beside = "" if row.other is None else row.other.name
        gathered.setdefault((_subject(row), beside), {})[row.threads] = row
    return list(gathered.values())


def _subject(row: Row) -> str:
    case = ", ".join(f"{name}={value}" for name, value in row.case.items())
    return f"{row.what}{f' ({case})' if case else ''}: {row.quantity}"


def _figure(row: Row) -> str:
    """Return the median, in brackets that of the minima, and how few rounds if few."""
    shown = _ratio(row, row.figure())
    rounds = len(row.ours.values)
    if rounds > 1:
        shown += f" ({_ratio(row, row.figure(min))})"
    if rounds < FEW:
        shown += f", n = {rounds}"
    ours = f"{_value(median(row.ours.values), row.unit)}"
    if row.other is not None:
        shown += f"; ours {ours}"
    return shown + ("; **not met**" if row.is_met is False else "")


def _ratio(row: Row, figure: float) -> str:
    return _value(figure, row.unit) if row.other is None else f"{figure:.2f}x"


def _value(value: float, unit: str) -> str:
    if unit == "s" and value < 0.1:
        value, unit = 1000 * value, "ms"
    return f"{value:.3g} {unit}"


def _target(row: Row) -> str:
    target = row.target
    less = "less" if target.bound == "at least" else "as much"
    times = f" {row.unit}" if row.other is None else f"x {less}"
    wanted = [
        f"{target.bound} {target.value:g}{times}" if target.value is not None else "",
        f"goal {target.goal:g}{times}" if target.goal is not None else "",
    ]
    return ", ".join(filter(None, wanted))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
