"""Stochastic depth leaves out whole sequences and keeps the mean."""

from typing import Any

import pytest
import torch

from espnet_residuals.config import ConfigError
from espnet_residuals.encoder.drop_path import DropPath


def test_rows_are_zero_or_scaled_and_the_mean_stays() -> None:
    torch.manual_seed(0)
    y = DropPath(0.25)(torch.ones(4_000, 3, 2))
    rows = y.flatten(1)
    assert torch.equal(rows.amin(1), rows.amax(1))
    assert rows[:, 0].unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert y.mean() == pytest.approx(1.0, abs=0.03)


def test_evaluation_changes_nothing() -> None:
    x = torch.randn(4, 3)
    assert DropPath(0.9).eval()(x) is x


@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan"), "half"])
def test_rate_that_would_give_nan_is_refused(rate: Any) -> None:
    with pytest.raises(ConfigError, match="drop_path: must be .*>= 0 < 1"):
        DropPath(rate)
