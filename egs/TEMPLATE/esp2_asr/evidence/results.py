"""What the cells left, by table and row."""

from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

from evidence.lines import Result, read

WINDOW = 25  # steps that one number of the kept loss curve is the mean of

APART = 3  # times the smallest that the largest may be


class Row(NamedTuple):
    """The cells of one name, over seeds."""

    name: str
    cells: list[Result]

    def wers(self, test_set: str) -> list[float]:
        """Return the word error rates of a test set, in percent."""
        wers = [cell["wer"] for cell in self.cells]
        return [wer[test_set] for wer in wers if test_set in wer]

    def final_losses(self) -> list[float]:
        """Return the mean loss of the last steps of each training."""
        return [cell["losses"][-1] for cell in self.cells if cell["losses"]]

    def steps_to(self, loss: float) -> list[int | None]:
        """Return after how many steps each training fell below a loss."""
        return [_steps_to(cell["losses"], loss) for cell in self.cells]

    def diverged(self, steps: int) -> int:
        """Return how many trainings met a loss that is no number."""
        return sum(cell["steps"] < steps for cell in self.cells)


def read_rows(study: str, folder: Path | None = None) -> list[Row]:
    """Return the rows of a study, in the order of its file."""
    rows: dict[str, list[Result]] = {}
    for cell in read(study, folder):
        rows.setdefault(cell["name"], []).append(cell)
    return [Row(name, cells) for name, cells in rows.items()]


def spread(values: list[float]) -> str:
    """Return mean and standard deviation as text, and all where these say little."""
    if not values:
        return ""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    text = f"{mean(values):.2f} ± {stdev(values):.2f}"
    if max(values) > APART * min(values):
        text += f" ({' / '.join(f'{value:.2f}' for value in sorted(values))})"
    return text


def _steps_to(losses: list[float], loss: float) -> int | None:
    for window, value in enumerate(losses, start=1):
        if value < loss:
            return window * WINDOW
    return None
