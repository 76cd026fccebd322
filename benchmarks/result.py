"""What a measurement yields, and how it is kept in JSON."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Callable, Literal, Optional, Sequence

Statistic = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Sample:
    """What was measured of one candidate, once per round.

    Attributes:
        name (str): The candidate.
        values (list[float]): Its seconds, or whatever the row's unit says.
    """

    name: str
    values: list[float]


@dataclass(frozen=True)
class Target:
    """What the figure of a row should be.

    Attributes:
        bound (Literal["at least", "at most"]): ``at least``: the other takes so many
            times what ours takes. ``at most``: ours takes so many times what the other
            takes, or, without another, so much.
        value (Optional[float]): What must be reached; None if nothing was promised.
        goal (Optional[float]): What is hoped for.
    """

    bound: Literal["at least", "at most"]
    value: Optional[float] = None
    goal: Optional[float] = None

    def is_met(self, figure: float) -> Optional[bool]:
        """Say whether a figure reaches the value or, without one, the goal.

        Args:
            figure (float): The figure of a row.

        Returns:
            Optional[bool]: The verdict; None if there is nothing to reach.
        """
        wanted = self.goal if self.value is None else self.value
        if wanted is None:
            return None
        return figure >= wanted if self.bound == "at least" else figure <= wanted


def at_least(value: Optional[float] = None, goal: Optional[float] = None) -> Target:
    """Return the target of a row that tells how much less ours takes."""
    return Target("at least", value, goal)


def at_most(value: Optional[float] = None) -> Target:
    """Return the target of a row that tells how much more ours takes."""
    return Target("at most", value)


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        what (str): What was done.
        quantity (str): ``time`` or ``peak memory``.
        unit (str): Unit of the values.
        threads (int): Number of threads of torch.
        ours (Sample): This package.
        other (Optional[Sample]): What it is compared with.
        target (Target): What the comparison should give.
        case (dict[str, int]): Sizes, such as ``{"T": 500, "B": 4}``.
    """

    what: str
    quantity: str
    unit: str
    threads: int
    ours: Sample
    other: Optional[Sample]
    target: Target
    case: dict[str, int] = field(default_factory=dict)

    def figure(self, statistic: Statistic = median) -> float:
        """Return the ratio that the target is about, or our value without another.

        Args:
            statistic (Statistic): Makes one number of a sample: median or minimum.

        Returns:
            float: The figure.
        """
        ours = statistic(self.ours.values)
        if self.other is None:
            return ours
        other = statistic(self.other.values)
        return other / ours if self.target.bound == "at least" else ours / other

    @property
    def is_met(self) -> Optional[bool]:
        """The verdict on the medians; None if nothing was promised."""
        return self.target.is_met(self.figure())


@dataclass(frozen=True)
class Result:
    """All rows of one measurement, and the machine that they were taken on."""

    measurement: str
    machine: dict[str, str]
    rows: list[Row]

    def save(self, folder: Path) -> Path:
        """Write the result as JSON.

        Args:
            folder (Path): Where to; made if it does not exist.

        Returns:
            Path: The file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.measurement}.json"
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        return path


def load_results(folder: Path, order: Sequence[str]) -> list[Result]:
    """Read the results in a folder.

    Args:
        folder (Path): Where they are.
        order (Sequence[str]): Names of the measurements, in the order to return.

    Returns:
        list[Result]: One for each measurement that has a file.
    """
    paths = [folder / f"{name}.json" for name in order]
    return [
        _result(json.loads(path.read_text(encoding="utf-8")))
        for path in paths
        if path.exists()
    ]


def _result(plain: dict[str, Any]) -> Result:
    return Result(**{**plain, "rows": [_row(row) for row in plain["rows"]]})


def _row(plain: dict[str, Any]) -> Row:
    other = plain["other"]
    return Row(
        **{
            **plain,
            "ours": Sample(**plain["ours"]),
            "other": None if other is None else Sample(**other),
            "target": Target(**plain["target"]),
        }
    )
