"""The tables of RESULTS.md, between the marks that name them."""

from collections.abc import Callable, Sequence
from statistics import mean

from evidence.costs import read_costs
from evidence.course import EVERY, LAST
from evidence.model import load_config
from evidence.page import markdown
from evidence.plan import CHOSEN_RATE, all_cells
from evidence.results import Row, read_rows, spread
from evidence.start import FRAMES, of_row
from evidence.told import told_lines

TEST_SETS = ("test", "long", "unseen")
GOAL = 5.0  # the loss that "steps to" counts to
# Whose cells were told from their start; the others differ in more than that.
TOLD = ("function", "variant", "depth", "rate", "start")

Column = tuple[str, Callable[[Row], str]]


def make_table(study: str) -> str:
    """Return the table of one study; a note where no cell of it was trained."""
    if study == "told":
        return markdown(told_lines(told_groups()))
    if study == "course":
        return markdown(_course_lines())
    rows = _rows_of(study)
    if not rows:
        return "*No cell has been trained yet.*"
    columns = _columns(study, rows)
    titles = [title for title, _ in columns]
    return markdown([titles, *([value(row) for _, value in columns] for row in rows)])


def _rows_of(table: str) -> list[Row]:
    """Return the rows of a table; the encoders' are in two, with one rate and all."""
    if table == "encoder_rate":
        return read_rows("encoder")
    if table == "encoder":
        chosen = [f"{name} {lr}" for name, lr in CHOSEN_RATE.items()]
        return [row for row in read_rows("encoder") if row.name in chosen]
    return read_rows(table)


def told_groups() -> dict[str, list[Row]]:
    """Return the configurations whose start may tell what trains, by kind of start."""
    present = [row for study in TOLD for row in read_rows(study)]
    former = read_rows("former")
    return {
        "this start": present,
        "the former start": former,
        "both": present + former,
    }


def _course_lines() -> list[list[str]]:
    """Return how much of the frames is left after some steps."""
    steps = [f"{step} steps" for step in range(0, LAST + 1, EVERY)]
    lines = [["", "n", *steps]]
    for row in read_rows("course"):
        after = zip(*(cell["frames"] for cell in row.cells))
        lines.append([row.name, str(len(row.cells)), *map(_mean_and_range, after)])
    return lines


def _mean_and_range(values: Sequence[float]) -> str:
    text = f"{mean(values):.2f}"
    if len(values) == 1:
        return text
    return f"{text} ({min(values):.2f} to {max(values):.2f})"


def _columns(study: str, rows: list[Row]) -> list[Column]:
    """Return titles, and what makes a row's entry under each."""
    times = max((cell.times for cell in all_cells() if cell.study == study), default=1)
    total = times * load_config().scheduler.total_steps
    scored = [name for name in TEST_SETS if any(row.wers(name) for row in rows)]
    return [
        ("", lambda row: row.name),
        ("n", lambda row: str(len(row.cells))),
        *(_wer_column(name) for name in scored),
        ("final loss", lambda row: spread(row.final_losses())),
        *([] if study == "former" else _course_columns(total)),
        *_columns_of(study),
        ("parameters", lambda row: f"{row.cells[0]['parameters']:,}"),
    ]


def _course_columns(total: int) -> list[Column]:
    """Return what the course of the losses shows; of the former start only its end."""
    return [
        (f"steps to a loss of {GOAL:g}", _steps_to_goal),
        ("diverged", lambda row: str(row.diverged(total))),
    ]


def _columns_of(study: str) -> list[Column]:
    """Return the columns that are not in every table."""
    if study == "encoder_rate":
        return []
    return _encoder_columns() if "encoder" in study else _stack_columns()


def _wer_column(test_set: str) -> Column:
    return (f"WER {test_set}, %", lambda row: spread(row.wers(test_set)))


def _stack_columns() -> list[Column]:
    return [
        ("frames in the output at the start", lambda row: f"{of_row(row, FRAMES):.2f}")
    ]


def _encoder_columns() -> list[Column]:
    costs = read_costs()

    def cost(key: str) -> Callable[[Row], str]:
        return lambda row: str(costs.get(row.name.split()[0], {}).get(key, ""))

    return [
        ("ms a step", cost("step_ms")),
        ("real-time factor", cost("real_time_factor")),
        ("peak MiB", cost("peak_mib")),
    ]


def _steps_to_goal(row: Row) -> str:
    reached = [steps for steps in row.steps_to(GOAL) if steps is not None]
    if len(reached) < len(row.cells):
        return f"not reached by {len(row.cells) - len(reached)}"
    return f"{mean(reached):.0f}"
