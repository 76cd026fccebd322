"""What a cell is: one configuration with one seed."""

from collections.abc import Mapping
from typing import Any, NamedTuple

Key = tuple[str, int | None, int]


class Cell(NamedTuple):
    """One configuration with one seed.

    Attributes:
        study: The table that it belongs to.
        name: Its row.
        seed: Of the start, the order of the data, and dropout.
        encoder: The encoder's name.
        encoder_conf: What differs from conf/evidence.yaml; of other encoders, all.
        lr: The learning rate.
        times: How many times the usual steps it trains.
        held_out: Whom training does not hear: a speaker, or a fold of speakers.
        start: What differs in the start of the layers; see ``evidence.start``.
    """

    study: str
    name: str
    seed: int
    encoder: str = "s4"
    encoder_conf: dict[str, Any] = {}
    lr: float = 0.012
    times: int = 1
    held_out: str | int | None = None
    start: Mapping[str, float] = {}

    @property
    def fold(self) -> int | None:
        """The fold that training does not hear; None where there are no folds."""
        return self.held_out if isinstance(self.held_out, int) else None

    @property
    def key(self) -> Key:
        """What tells it from the others of its study."""
        return self.name, self.fold, self.seed

    @property
    def title(self) -> str:
        """What progress and messages call it."""
        fold = "" if self.fold is None else f", fold {self.fold}"
        return f"{self.study}: {self.name}{fold}, seed {self.seed}"
