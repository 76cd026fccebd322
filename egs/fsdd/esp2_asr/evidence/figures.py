"""The figures of RESULTS.md."""

from pathlib import Path

from evidence.cell import WINDOW
from evidence.plan import DEPTHS, RESIDUALS
from evidence.results import Row, read_rows
from evidence.tables import GRADIENT

from espnet_residuals.plot_style import COLOURS, MARKERS, new_figure, styled


def draw_all(folder: Path) -> None:
    """Draw every figure whose cells there are."""
    folder.mkdir(exist_ok=True)
    rows = {row.name: row for row in read_rows("depth")}
    if not rows:
        return
    with styled():
        draw_depth(rows, folder / "depth.png")
        draw_start(rows, folder / "start.png")


def draw_depth(rows: dict[str, Row], path: Path) -> None:
    """Draw error rate and loss over the depth, and the course of the deepest."""
    figure = new_figure(height=3)
    wer, loss, course = figure.subplots(1, 3)
    for residual, colour, marker in zip(RESIDUALS, COLOURS, MARKERS):
        found = [
            (d, rows[f"{residual} {d}"]) for d in DEPTHS if f"{residual} {d}" in rows
        ]
        style = {"color": colour, "marker": marker, "ls": "none", "alpha": 0.7}
        for offset, (axis, values) in enumerate(
            (
                (wer, [(d, value) for d, row in found for value in row.wers("test")]),
                (
                    loss,
                    [(d, value) for d, row in found for value in row.final_losses()],
                ),
            )
        ):
            axis.plot(*zip(*values), **style, label=residual if offset == 0 else None)
        for cell in rows[f"{residual} {DEPTHS[-1]}"].cells if found[-1:] else ():
            steps = [WINDOW * (i + 1) for i in range(len(cell["losses"]))]
            course.plot(steps, cell["losses"], color=colour, lw=0.8)
    for axis, title in ((wer, "WER of test, %"), (loss, "final loss")):
        axis.set(title=title, xlabel="sublayers", xscale="log", yscale="log")
        axis.set_xticks(DEPTHS, [str(depth) for depth in DEPTHS])
        axis.set_xticks([], minor=True)
    course.set(title=f"loss, {DEPTHS[-1]} sublayers", xlabel="step", yscale="log")
    wer.legend()
    figure.savefig(path)


def draw_start(rows: dict[str, Row], path: Path) -> None:
    """Draw the gradient of each sublayer at the start beside the error rate."""
    figure = new_figure(height=2.8)
    axes = figure.subplots(1, len(DEPTHS))
    for depth, axis in zip(DEPTHS, axes):
        for residual, colour, marker in zip(RESIDUALS, COLOURS, MARKERS):
            row = rows.get(f"{residual} {depth}")
            if row is None:
                continue
            start = row.cells[0]["start"]
            norms = [
                v for name, v in sorted(start.items()) if name.startswith(GRADIENT)
            ]
            axis.plot(range(1, len(norms) + 1), norms, color=colour, label=residual)
        axis.set(title=f"{depth} sublayers", xlabel="sublayer", yscale="log")
    axes[0].set_ylabel("gradient at the start")
    axes[0].legend()
    figure.savefig(path)
