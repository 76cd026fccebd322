"""Read what was logged of every sublayer during a training."""

import logging
import math
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.following.names import parse_name

Point = tuple[str, int, int]
Points = dict[Point, float]


class History(NamedTuple):
    """Statistics of every sublayer over the steps of a training.

    Attributes:
        steps (list[int]): Steps at which they were measured.
        quantities (dict[str, NDArray[np.float64]]): Values of each quantity,
            (sublayers, steps); NaN where there is none, infinity where what was
            measured is no finite number.
    """

    steps: list[int]
    quantities: dict[str, NDArray[np.float64]]

    @property
    def sublayers(self) -> int:
        """Number of sublayers."""
        return max(len(values) for values in self.quantities.values())


def read_history(folder: Path) -> History:
    """Read the statistics in the event files of a folder and of those in it.

    Where a training was resumed, or begun anew in the same folder, a later file takes
    the place of all that earlier ones have from its first step on.

    Args:
        folder (Path): The folder of an experiment.

    Returns:
        History: The statistics.

    Raises:
        Failure: If the folder is missing or holds no statistics, or TensorBoard is not
            installed.
    """
    if not folder.is_dir():
        raise Failure(Exit.FILE, f"cannot read {folder}: no such folder")
    runs = [_read_points(path) for path in folder.rglob("*tfevents*") if path.is_file()]
    if not runs:
        raise Failure(Exit.STATISTICS, f"no event files of TensorBoard in {folder}")
    points: Points = {}
    for _, run in sorted((run for run in runs if run[1]), key=lambda run: run[0]):
        begin = min(step for _, _, step in run)
        points = {at: value for at, value in points.items() if at[-1] < begin} | run
    if not points:
        raise Failure(
            Exit.STATISTICS,
            f"no statistics of layers in the event files in {folder}; "
            "espnet_residuals.callbacks.LayerStats or espnet_residuals.bin.asr_train "
            "writes them",
        )
    return _arrange(points)


def _read_points(path: Path) -> tuple[float, Points]:
    """Return when an event file was begun, and the statistics in it."""
    try:
        # Only this command needs it.
        from tensorboard.backend.event_processing.event_accumulator import (
            EventAccumulator,
        )
    except ImportError as error:
        raise Failure(
            Exit.USAGE, "history needs tensorboard; run: pip install tensorboard"
        ) from error
    # Of a file that is being written it says that the end is missing.
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    events: Any = EventAccumulator(str(path), size_guidance={"scalars": 0})
    events.Reload()
    points: Points = {}
    for tag in events.Tags()["scalars"]:
        parsed = parse_name(tag)
        if parsed is None:
            continue
        for step, value in _values(events.Scalars(tag)):
            points[(*parsed, step)] = value
    return (events.FirstEventTimestamp() if points else 0.0), points


def _values(events: Sequence[Any]) -> Iterator[tuple[int, float]]:
    """Yield the steps at which a statistic was measured, and what it was.

    ESPnet2 writes NaN where it was not. At the end of an epoch it adds the mean of the
    epoch, as a second value, which is infinite if one value of the epoch was.
    """
    seen, found = set(), set()
    for event in events:
        is_mean = event.step in seen
        seen.add(event.step)
        is_none = math.isnan(event.value) or (is_mean and math.isinf(event.value))
        if event.step not in found and not is_none:
            found.add(event.step)
            yield event.step, event.value


def _arrange(points: Points) -> History:
    steps = sorted({step for _, _, step in points})
    column = {step: number for number, step in enumerate(steps)}
    rows = max(i_layer for _, i_layer, _ in points)
    names = dict.fromkeys(quantity for quantity, _, _ in points)
    quantities = {name: np.full((rows, len(steps)), np.nan) for name in names}
    for (quantity, i_layer, step), value in points.items():
        quantities[quantity][i_layer - 1, column[step]] = value
    return History(steps, quantities)
