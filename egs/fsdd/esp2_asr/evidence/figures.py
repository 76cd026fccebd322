"""The figures of RESULTS.md."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from evidence.costs import read_costs
from evidence.drawing import STYLES, draw_start, mark_percents
from evidence.model import load_config
from evidence.plan import (
    CHOSEN_RATE,
    ENCODERS,
    ENCODERS_LONGER,
    FUNCTIONS,
    HIGH,
    LOW,
)
from evidence.results import Row, read_rows
from evidence.tables import told_groups

from espnet_residuals.instruments.showing.plot_style import new_figure, styled

MINUTES = (1.5, 2, 3, 4, 6)


def draw_all(folder: Path) -> None:
    """Draw every figure whose cells there are."""
    folder.mkdir(exist_ok=True)
    former = read_rows("former")
    with styled():
        draw_functions(read_rows("function"), former, folder / "functions.png")
        groups = told_groups()
        del groups["both"]
        draw_start(groups, folder / "start.png")
        if read_costs():
            draw_encoders(folder / "encoders.png")


def draw_functions(present: Sequence[Row], former: Sequence[Row], path: Path) -> None:
    """Draw the error rates of all residual functions with this start and the former."""
    figure = new_figure(height=4)
    axis = figure.subplots()
    now = {row.name: row for row in present}
    before = {row.name: row for row in former}
    for place, (name, lr) in enumerate(FUNCTIONS.items()):
        for rows, title, offset, style in (
            (before, _former_title(name, lr, before), -0.15, STYLES[1]),
            (now, f"{name} {lr}", 0.15, STYLES[0]),
        ):
            if title in rows:
                found = {place + offset: rows[title].wers("test")}
                _draw_seeds(axis, found, style)
    starts = ("start: direct (default)", "start: s4 (S4 authors' code)")
    for label, (colour, marker) in zip(starts, STYLES):
        axis.plot([], [], marker, color=colour, ms=3, label=label)
    axis.set(
        title="Words wrong, %, 450 steps, 24 sublayers; a point is a training",
        yscale="log",
    )
    axis.set_xticks(range(len(FUNCTIONS)), list(FUNCTIONS), rotation=45, ha="right")
    mark_percents(axis)
    axis.legend()
    figure.savefig(path)


def _former_title(name: str, lr: float, rows: Mapping[str, Row]) -> str:
    """Return the row of the former start with a function at its better rate."""
    # Where 0.012 was too high for this start, the former one was tried at 0.003.
    slower = f"{name} {LOW}"
    if lr < HIGH and slower in rows:
        return slower
    return f"{name} 24" if f"{name} 24" in rows else name


def _draw_seeds(
    axis: Any, values: dict[float, list[float]], style: tuple[str, str]
) -> None:
    """Draw the value of every seed, and a line through their means."""
    colour, marker = style
    for x, seeds in values.items():
        axis.plot([x] * len(seeds), seeds, marker, color=colour, ms=3, alpha=0.6)
    means = {x: mean(seeds) for x, seeds in values.items() if seeds}
    axis.plot(list(means), list(means.values()), color=colour, lw=1)


def draw_encoders(path: Path) -> None:
    """Draw the error rates of the encoders over the time that training takes."""
    figure = new_figure(height=3.4)
    axes = figure.subplots(1, 3)
    measured = [name for name in ENCODERS if name in read_costs()]
    for name, style in zip(measured, STYLES):
        for axis, test_set in zip(axes, ("test", "long", "unseen")):
            _draw_seeds(axis, _wers_over_minutes(name, test_set), style)
            axis.set(title=f"WER of {test_set}, %", xscale="log", yscale="log")
            axis.set(xlabel="minutes of training, one thread")
        axes[0].plot([], [], color=style[0], marker=style[1], label=name)
    for axis in axes:
        axis.set_xticks(MINUTES, [f"{minutes:g}" for minutes in MINUTES])
        axis.set_xticks([], minor=True)
        mark_percents(axis)
    figure.legend(loc="outside lower center", ncols=(len(measured) + 1) // 2)
    figure.savefig(path)


def _wers_over_minutes(name: str, test_set: str) -> dict[float, list[float]]:
    """Return an encoder's error rates at its chosen rate, by the time it trained."""
    steps = load_config().scheduler.total_steps
    minutes = steps * read_costs()[name]["step_ms"] / 60_000
    chosen = (
        row for row in read_rows("encoder") if row.name == f"{name} {CHOSEN_RATE[name]}"
    )
    longer = (row for row in read_rows("encoder_longer") if row.name == name)
    found = {minutes: chosen, ENCODERS_LONGER * minutes: longer}
    return {x: row.wers(test_set) for x, rows in found.items() for row in rows}
