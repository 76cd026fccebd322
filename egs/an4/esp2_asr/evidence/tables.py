"""The tables of RESULTS.md, between the marks that name them."""

from collections.abc import Callable
from statistics import mean

from evidence.comparison import (
    Configuration,
    configurations,
    reference,
    whole_runs,
)
from evidence.costs import read_costs
from evidence.lines import Result
from evidence.long_recordings import LENGTHS, LIMIT_GIB, read_lengths
from evidence.page import markdown
from evidence.pairs import difference, wer_of
from evidence.plan import COMPARED, OURS, STUDIES
from evidence.rates import FIRST_FOLD, FIRST_SEED
from evidence.results import Row, read_rows
from evidence.scoring import JOINED
from evidence.told import told_lines
from src.bootstrap import Rate

NOTHING = "*Not enough cells have been trained yet.*"
MEASURED = "*Not measured yet.*"
FIGURE = "![Error rates over the time that training takes](images/encoders.png)"


def make_table(name: str) -> str:
    """Return the table or figure of a name; a note where there is nothing to show."""
    if name == "figure":
        return FIGURE if any(map(whole_runs, COMPARED)) else NOTHING
    lines = MAKERS[name]()
    if len(lines) > 1:
        return markdown(lines)
    return MEASURED if name in ("costs", "lengths") else NOTHING


def _compared(table: str) -> list[list[str]]:
    """Return error rates on utterances, and their differences from our block."""
    titles = ["", "rate", "folds", "n", "WER, %", f"beside {OURS}, points", ""]
    lines = [[*titles, "minutes", "parameters"]]
    for found in configurations(table):
        times = [line["minutes"] for line in found.lines]
        lines.append(
            [
                *_first_columns(found),
                _interval(wer_of(found.lines, "test")),
                *_difference(found, "test"),
                f"{mean(times):.1f}",
                f"{found.lines[0]['parameters']:,}",
            ]
        )
    return lines


def _by_length() -> list[list[str]]:
    """Return error rates on single utterances and on joined ones."""
    titles = (f"{name}, %" for name in JOINED)
    beside = (f"{name} beside {OURS}, points" for name in JOINED)
    lines = [["", "rate", "folds", "n", *titles, *beside]]
    for found in configurations("state_space"):
        rates = (_interval(wer_of(found.lines, name)) for name in JOINED)
        differences = (_difference(found, name)[0] for name in JOINED)
        lines.append([*_first_columns(found), *rates, *differences])
    return lines


def _first_columns(found: Configuration) -> list[str]:
    seeds = {line["seed"] for line in found.lines}
    return [found.name, str(found.lr), str(len(found.folds)), str(len(seeds))]


def _difference(found: Configuration, test_set: str) -> list[str]:
    """Return the difference from our block, and a word where all folds decide it."""
    ours = reference()
    if ours is None or found.name == OURS:
        return ["", ""]
    rate = difference(found.lines, ours.lines, test_set)
    if rate is None:
        return ["", ""]
    whole = found.is_whole and ours.is_whole
    return [_interval(rate, sign="+"), verdict(rate) if whole else ""]


def verdict(rate: Rate) -> str:
    """Return what an interval of a difference says."""
    if rate.high < 0:
        return "better"
    return "worse" if rate.low > 0 else "not decided"


def _interval(rate: Rate, sign: str = "") -> str:
    low, high = (f"{value:{sign}.1f}" for value in (rate.low, rate.high))
    return f"{rate.rate:{sign}.1f} ({low} to {high})"


def _trials() -> list[list[str]]:
    """Return every rate of every configuration, on the first fold."""
    lines = [["", "valid, %", "test, %", "final loss", "minutes"]]
    for row in (row for study in STUDIES for row in read_rows(study)):
        for cell in row.cells:
            if (cell["fold"], cell["seed"]) == (FIRST_FOLD, FIRST_SEED):
                lines.append(_trial(row.name, cell))
    return lines


def _trial(name: str, cell: Result) -> list[str]:
    wer = cell["wer"]
    loss = f"{cell['losses'][-1]:.2f}" if cell["losses"] else ""
    rates = [f"{wer['valid']:.1f}", f"{wer['test']:.1f}"]
    return [name, *rates, loss, f"{cell['minutes']:.1f}"]


def told_groups() -> dict[str, list[Row]]:
    """Return the configurations that start with S4D, at every rate."""
    return {
        name: [row for row in read_rows(study) if row.cells[0]["start"]]
        for name, study in (("blocks", "encoder"), ("residual functions", "function"))
    }


def _told() -> list[list[str]]:
    groups = {name: rows for name, rows in told_groups().items() if len(rows) > 2}
    return told_lines(groups) if groups else []


def _costs() -> list[list[str]]:
    """Return what training and reading take."""
    lines = [["", "ms a step", "real-time factor", "peak MiB"]]
    for name, entry in read_costs().items():
        lines.append([name, *(str(value) for value in entry.values())])
    return lines


def _lengths() -> list[list[str]]:
    """Return seconds and memory for recordings of each length."""
    times = (f"{length / 60:g} min, s" for length in LENGTHS)
    memory = (f"{length / 60:g} min, MiB" for length in LENGTHS)
    lines = [["", *times, *memory]]
    for name, entry in read_lengths().items():
        found = [entry[str(length)] for length in LENGTHS]
        lines.append(
            [
                name,
                *(f"{cost['seconds']:.2f}" if cost else "" for cost in found),
                *(
                    str(cost["peak_mib"]) if cost else f"above {LIMIT_GIB * 1024}"
                    for cost in found
                ),
            ]
        )
    return lines


MAKERS: dict[str, Callable[[], list[list[str]]]] = {
    "encoder": lambda: _compared("encoder"),
    "function": lambda: _compared("function"),
    "state_space": _by_length,
    "trials": _trials,
    "told": _told,
    "costs": _costs,
    "lengths": _lengths,
}
