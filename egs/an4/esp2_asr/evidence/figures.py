"""The figures of RESULTS.md."""

from pathlib import Path
from statistics import mean
from typing import Any

from evidence.comparison import Configuration, whole_runs
from evidence.drawing import STYLES, draw_start, mark_percents
from evidence.pairs import wer_of
from evidence.plan import COMPARED
from evidence.tables import told_groups

from espnet_residuals.instruments.showing.plot_style import new_figure, styled


def draw_all(folder: Path) -> None:
    """Draw every figure whose cells there are."""
    folder.mkdir(exist_ok=True)
    found = {name: whole_runs(name) for name in COMPARED}
    groups = {name: rows for name, rows in told_groups().items() if len(rows) > 2}
    with styled():
        if any(found.values()):
            draw_encoders(found, folder / "encoders.png")
        if groups:
            draw_start(groups, folder / "start.png")


def draw_encoders(found: dict[str, list[Configuration]], path: Path) -> None:
    """Draw error rates with their intervals over the time that training takes."""
    figure = new_figure(height=3.5)
    axis = figure.subplots()
    for (name, runs), style in zip(found.items(), STYLES):
        if runs:
            _draw_encoder(axis, name, runs, style)
    axis.set(title="WER of unheard speakers, %, with the 95 % interval", yscale="log")
    axis.set(xlabel="minutes of training, one thread")
    mark_percents(axis)
    figure.legend(loc="outside right upper")
    figure.savefig(path)


def _draw_encoder(
    axis: Any, name: str, runs: list[Configuration], style: tuple[str, str]
) -> None:
    colour, marker = style
    minutes = [mean(line["minutes"] for line in run.lines) for run in runs]
    rates = [wer_of(run.lines, "test") for run in runs]
    below = [rate.rate - rate.low for rate in rates]
    above = [rate.high - rate.rate for rate in rates]
    axis.errorbar(
        minutes,
        [rate.rate for rate in rates],
        yerr=[below, above],
        color=colour,
        marker=marker,
        capsize=3,
        label=name,
    )
