"""The figures of RESULTS.md."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from evidence.cell import WINDOW
from evidence.costs import read_costs
from evidence.model import load_config
from evidence.plan import CHOSEN_RATE, DEPTHS, ENCODERS, ENCODERS_LONGER, RESIDUALS
from evidence.results import Row, read_rows
from evidence.start import KINDS, gradient_ratio, kept_share, of_row, profile

from espnet_residuals.plot_style import COLOURS, MARKERS, new_figure, styled

PERCENTS = (1, 2, 5, 10, 20, 30, 50, 100)
MINUTES = (1, 1.5, 2, 3, 4)
STYLES = list(zip(COLOURS, MARKERS))


def draw_all(folder: Path) -> None:
    """Draw every figure whose cells there are."""
    folder.mkdir(exist_ok=True)
    depth = {row.name: row for row in read_rows("depth")}
    with styled():
        if depth:
            draw_depth(depth, folder / "depth.png")
            draw_start(depth, read_rows("variant"), folder / "start.png")
        if read_costs():
            draw_encoders(folder / "encoders.png")


def draw_depth(rows: dict[str, Row], path: Path) -> None:
    """Draw error rate and loss over the depth, and the course of the deepest."""
    figure = new_figure(height=3)
    wer, loss, course = figure.subplots(1, 3)
    for place, (residual, style) in enumerate(zip(RESIDUALS, STYLES)):
        found = {
            depth * 1.03 ** (place - 2): rows[f"{residual} {depth}"]
            for depth in DEPTHS
            if f"{residual} {depth}" in rows
        }
        _draw_seeds(wer, {d: row.wers("test") for d, row in found.items()}, style)
        _draw_seeds(loss, {d: row.final_losses() for d, row in found.items()}, style)
        deepest = rows.get(f"{residual} {DEPTHS[-1]}")
        for cell in deepest.cells if deepest else ():
            steps = [WINDOW * (i + 1) for i in range(len(cell["losses"]))]
            course.plot(steps, cell["losses"], color=style[0], lw=0.8)
        wer.plot([], [], color=style[0], marker=style[1], label=residual)
    for axis, title in ((wer, "WER of test, %"), (loss, "loss of the last steps")):
        axis.set(title=title, xlabel="sublayers", xscale="log", yscale="log")
        axis.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        axis.set_xticks([], minor=True)
    _mark_percents(wer)
    course.set(title=f"loss, {DEPTHS[-1]} sublayers", xlabel="step", yscale="log")
    figure.legend(loc="outside lower center", ncols=len(RESIDUALS))
    figure.savefig(path)


def _draw_seeds(
    axis: Any, values: dict[float, list[float]], style: tuple[str, str]
) -> None:
    """Draw the value of every seed, and a line through their means."""
    colour, marker = style
    for x, seeds in values.items():
        axis.plot([x] * len(seeds), seeds, marker, color=colour, ms=3, alpha=0.6)
    means = {x: mean(seeds) for x, seeds in values.items() if seeds}
    axis.plot(list(means), list(means.values()), color=colour, lw=1)


def _mark_percents(axis: Any) -> None:
    """Write error rates as plain numbers."""
    low, high = axis.get_ylim()
    axis.set_yticks([tick for tick in PERCENTS if low <= tick <= high])
    axis.set_yticks([], minor=True)
    axis.yaxis.set_major_formatter("{x:g}")


def draw_start(depth: dict[str, Row], variants: Sequence[Row], path: Path) -> None:
    """Draw the gradients of the first step, and beside them what came of it."""
    figure = new_figure(height=3)
    gradient, over_ratio, over_share = figure.subplots(1, 3)
    for residual, (colour, _) in zip(RESIDUALS, STYLES):
        row = depth.get(f"{residual} {DEPTHS[-1]}")
        norms = profile(row.cells[0], "gradient")[::KINDS] if row else []
        numbers = range(1, KINDS * len(norms), KINDS)
        gradient.plot(numbers, norms, color=colour, label=residual)
    styles = [STYLES[RESIDUALS.index(name.split()[0])] for name in depth]
    for row, style in zip(
        [*depth.values(), *variants], styles + [STYLES[-1]] * len(variants)
    ):
        _draw_outcome(over_ratio, row, of_row(row, gradient_ratio), style)
        _draw_outcome(over_share, row, of_row(row, kept_share), style)
    gradient.plot([], [], STYLES[-1][1], color=STYLES[-1][0], label="others")
    gradient.set(title="gradient of S4D at the start", yscale="log")
    gradient.set(xlabel=f"sublayer of {DEPTHS[-1]}")
    over_ratio.set(title="loss of the last steps", xscale="log", yscale="log")
    over_ratio.set(xlabel="that gradient, largest / smallest")
    over_share.set(title="loss of the last steps", yscale="log")
    over_share.set(xlabel="share of the output that is the input")
    figure.legend(loc="outside lower center", ncols=len(RESIDUALS) + 1)
    figure.savefig(path)


def _draw_outcome(axis: Any, row: Row, start: float, style: tuple[str, str]) -> None:
    """Draw the loss of a row over what its first step shows."""
    if math.isfinite(start) and row.final_losses():
        axis.plot(start, mean(row.final_losses()), style[1], color=style[0])


def draw_encoders(path: Path) -> None:
    """Draw the error rates of the encoders over the time that training takes."""
    figure = new_figure(height=3)
    axes = figure.subplots(1, 3)
    for name, style in zip(ENCODERS, STYLES):
        for axis, test_set in zip(axes, ("test", "long", "unseen")):
            _draw_seeds(axis, _wers_over_minutes(name, test_set), style)
            axis.set(title=f"WER of {test_set}, %", xscale="log", yscale="log")
            axis.set(xlabel="minutes of training, one thread")
        axes[0].plot([], [], color=style[0], marker=style[1], label=name)
    for axis in axes:
        axis.set_xticks(MINUTES, [f"{minutes:g}" for minutes in MINUTES])
        axis.set_xticks([], minor=True)
        _mark_percents(axis)
    figure.legend(loc="outside lower center", ncols=len(ENCODERS))
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
