"""Weights and shares against the formulas, and against a stack of modules."""

import math
from typing import Any

import pytest
import torch

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.measuring.closed_form import closed_form
from espnet_residuals.residual import build_residual


@pytest.mark.parametrize(
    "options", [{"power": 0.5}, {"power": 1, "l2": False}], ids=["l2", "mean"]
)
def test_decay_gives_every_sublayer_the_same_share(options: dict[str, Any]) -> None:
    steps = closed_form("decay", 24, options)
    assert steps[0].share == 0
    assert [step.share for step in steps[1:]] == pytest.approx([1 / 24] * 24)


def test_offset_gives_the_input_a_share_too() -> None:
    options = {"power": 1, "l2": False, "offset": 1}
    assert [s.weight for s in closed_form("decay", 3, options)] == pytest.approx(
        [1 / 4] * 4
    )


@pytest.mark.parametrize("name", ["residual", "decay", "decay_schedule"])
def test_weights_are_those_of_a_stack(name: str) -> None:
    """Every branch returns a unit vector of its own, so the output shows its weight."""
    units = torch.eye(6, dtype=torch.float64)
    stream = units[0]
    for i in range(1, 6):
        stream = build_residual(name, i, 6, 6, n_layers=5)(stream, units[i])
    weights = [step.weight for step in closed_form(name, 5, {})]
    assert weights == pytest.approx(stream.tolist())


def test_without_residual_connection_only_the_last_sublayer_is_heard() -> None:
    assert [step.share for step in closed_form("none", 3, {})] == [0, 0, 0, 1]


def test_postnorm_is_part_of_deepnorm() -> None:
    step = closed_form("deepnorm", 16, {})[-1]
    assert step.share == pytest.approx(1 / (1 + math.sqrt(16)))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("decays", {}, "decays: unknown residual 'decays'"),
        ("decay", {"pwer": 1}, "did you mean 'power'?"),
        ("decay", {"power": -1}, "decay.power: must be a finite number >= 0, got -1"),
        ("residual", {"alpha": 0, "beta": 0}, "output of 4 sublayers is 0"),
        (
            "residual",
            {"alpha": 1e200},
            "residual.alpha: must be a finite number that float32",
        ),
        ("gru", {}, "gru has no weights that are constant"),
    ],
)
def test_what_has_no_closed_form_says_why(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(Failure) as caught:
        closed_form(name, 4, options)
    assert message in str(caught.value)
    assert caught.value.code is Exit.OPTION
