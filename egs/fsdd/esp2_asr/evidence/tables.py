"""The tables of RESULTS.md, between the marks that name them."""

import re
from pathlib import Path
from statistics import geometric_mean, mean

from evidence.model import load_config
from evidence.results import Row, read_rows, spread

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
GOAL = 5.0  # the loss that "steps to" counts to
GRADIENT = "layer_gradient/"


def fill(text: str) -> str:
    """Return the text of RESULTS.md with every table made anew."""

    def table(match: re.Match[str]) -> str:
        study = match["study"]
        return f"<!-- {study} -->\n\n{make_table(study)}\n\n<!-- end -->"

    return re.sub(
        r"<!-- (?P<study>\w+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL
    )


def make_table(study: str) -> str:
    """Return the table of one study."""
    rows = read_rows(study)
    test_sets = [
        name
        for name in ("test", "long", "unseen")
        if rows and all(name in cell["scores"] for cell in rows[0].cells)
    ]
    header = [
        "",
        "n",
        *(f"WER {name}, %" for name in test_sets),
        "final loss",
        f"steps to a loss of {GOAL:g}",
        "diverged",
        "gradient at the start, largest / smallest",
        "ms a step",
        "real-time factor",
        "peak MiB",
        "parameters",
    ]
    lines = [header, ["---"] * len(header)]
    lines += [_line(row, test_sets) for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(row: Row, test_sets: list[str]) -> list[str]:
    cells = row.cells
    reached = [steps for steps in row.steps_to(GOAL) if steps is not None]
    steps = f"{mean(reached):.0f}" if len(reached) == len(cells) else "not reached"
    return [
        row.name,
        str(len(cells)),
        *(spread(row.wers(name)) for name in test_sets),
        spread(row.final_losses()),
        steps,
        str(row.diverged(load_config().scheduler.total_steps)),
        _gradient_ratio(row),
        f"{1000 * mean(cell['step_seconds'] for cell in cells):.0f}",
        f"{mean(cell['scores']['test']['real_time_factor'] for cell in cells):.4f}",
        f"{mean(cell['peak_mib'] for cell in cells):.0f}",
        f"{cells[0]['parameters']:,}",
    ]


def _gradient_ratio(row: Row) -> str:
    """Return how unequal the gradients of the sublayers are before the first step."""
    ratios = []
    for cell in row.cells:
        norms = [v for name, v in cell["start"].items() if name.startswith(GRADIENT)]
        if norms and min(norms) > 0:
            ratios.append(max(norms) / min(norms))
    return f"{geometric_mean(ratios):.1f}" if ratios else ""
