"""What steps towards blank leave of the frames, and of the encoder."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from espnet_residuals import S4Encoder
from espnet_residuals.cli import main
from espnet_residuals.instruments.measuring.first_steps import (
    frames_after_first_steps,
)
from espnet_residuals.instruments.measuring.measure import measure
from espnet_residuals.instruments.measuring.profile import Reading
from espnet_residuals.instruments.measuring.sites import find_sites
from espnet_residuals.instruments.reading.features import random_batch
from espnet_residuals.instruments.showing.findings import findings
from tests.instruments.recipe import write_recipe

BATCH = random_batch(20, batch=2, frames=80, seed=3)
NO_STEP, SMALL, LARGE = 1e-9, 0.002, 0.06


def encoder(**options: Any) -> S4Encoder:
    torch.manual_seed(1)
    return S4Encoder(20, 24, num_blocks=4, input_layer="linear", **options)


def left(model: S4Encoder, lr: float) -> float:
    return frames_after_first_steps(model, BATCH, lr, seed=0)


@pytest.mark.long
def test_encoder_is_left_as_it_was_and_the_same_number_comes_again() -> None:
    model = encoder(dropout_rate=0.1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_numbers = torch.get_rng_state()
    first = left(model, SMALL)
    assert torch.equal(torch.get_rng_state(), random_numbers)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert left(model, SMALL) == first


def test_steps_of_nothing_leave_the_frames_of_the_start() -> None:
    model = encoder(residual="decay")
    readings = measure("", model, find_sites(model), BATCH, seed=0).readings
    assert left(model, NO_STEP) == pytest.approx(readings[-1].frames, abs=1e-4)


@pytest.mark.long
def test_rate_that_is_too_high_for_postnorm_loses_the_frames() -> None:
    """DeepNorm loses them at a rate at which prenorm keeps them."""
    kept = left(encoder(residual="deepnorm", prenorm=False), SMALL)
    lost = left(encoder(residual="deepnorm", prenorm=False), LARGE)
    assert lost < 0.3 < 0.8 < kept
    assert left(encoder(), LARGE) > 0.8


def test_steps_that_diverge_leave_nothing() -> None:
    model = encoder()
    with torch.no_grad():
        model.stack.norm.weight.fill_(torch.inf)
    assert left(model, SMALL) == 0.0


def test_too_few_frames_are_not_called_lost() -> None:
    few = random_batch(20, batch=1, frames=3, seed=3)
    frames = frames_after_first_steps(encoder(), few, SMALL, seed=0)
    assert math.isnan(frames)
    quiet = Reading(1, "S4D", 1.0, 0.5, math.nan, 1.0, 0.7, 1.0, 1.0)
    assert findings([quiet], frames) == findings([quiet])


def test_command_says_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, numbers = write_recipe(tmp_path), tmp_path / "numbers.json"
    asked = ["probe", str(config), "--batch", "2", "--frames", "60"]
    assert not main([*asked, "--lr", "0.001", "--json", str(numbers)])
    assert "after the first steps" in capsys.readouterr().out
    (profile,) = json.loads(numbers.read_text())["profiles"]
    assert 0.3 < profile["frames_after_first_steps"] <= 1


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "2", "fast"])
def test_command_refuses_a_rate_that_is_none(
    rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["probe", str(tmp_path / "a.yaml"), f"--lr={rate}"])
    assert "must be a number more than 0 and at most 1" in capsys.readouterr().err
