"""The configurations of a table, each at its chosen rate."""

from typing import NamedTuple

from evidence.lines import Result, read
from evidence.plan import FOLDS, OURS, STUDIES
from evidence.rates import chosen_rate, row_name

# The rows of each table: of which study, and which configuration.
TABLES = {
    "encoder": [("encoder", name) for name in STUDIES["encoder"]],
    "state_space": [
        ("encoder", OURS),
        ("encoder", "conv-ff"),
        *(("state_space", name) for name in STUDIES["state_space"]),
    ],
    "function": [
        ("encoder", OURS),
        *(("function", name) for name in STUDIES["function"]),
    ],
}


class Configuration(NamedTuple):
    """What the cells of one configuration left at its chosen rate."""

    name: str
    lr: float
    lines: list[Result]

    @property
    def folds(self) -> set[int]:
        """The folds that it was tested on."""
        return {line["fold"] for line in self.lines}

    @property
    def is_whole(self) -> bool:
        """Whether it was tested on all speakers."""
        return self.folds == set(FOLDS)


def configurations(table: str) -> list[Configuration]:
    """Return those of a table whose rate is known."""
    found = (find(study, name) for study, name in TABLES[table])
    return [configuration for configuration in found if configuration]


def find(study: str, name: str, results: str | None = None) -> Configuration | None:
    """Return a configuration at its chosen rate; None where it is not known yet.

    Args:
        study: Whose trials chose the rate.
        name: The configuration.
        results: The study whose cells are wanted; by default the same.
    """
    lr = chosen_rate(study, name)
    if lr is None:
        return None
    row = row_name(name, lr)
    lines = [line for line in read(results or study) if line["name"] == row]
    return Configuration(name, lr, lines)


def reference() -> Configuration | None:
    """Return our block, which the others are compared with."""
    return find("encoder", OURS)


def whole_runs(name: str) -> list[Configuration]:
    """Return an encoder with the usual steps and more, where all speakers were read."""
    found = (find("encoder", name, study) for study in ("encoder", "longer"))
    return [one for one in found if one is not None and one.is_whole]
