"""The interval over speakers, against distributions that are known."""

from collections.abc import Iterator
from typing import Any

import pytest
from scipy.stats import binom

from tests.egs.an4 import RECIPE
from tests.egs.recipe import importable


@pytest.fixture()
def resampled_rate() -> Iterator[Any]:
    with importable(RECIPE) as load:
        yield load("bootstrap").resampled_rate


@pytest.mark.parametrize(("n", "k"), [(84, 25), (84, 3), (40, 20)])
def test_interval_of_speakers_right_or_wrong_is_binomial(
    resampled_rate: Any, n: int, k: int
) -> None:
    """Drawn n times, each speaker counts with the probability k / n."""
    found = resampled_rate([1] * k + [0] * (n - k), [1] * n)
    assert found.rate == pytest.approx(100 * k / n)
    for end, quantile in ((found.low, 0.025), (found.high, 0.975)):
        assert end == pytest.approx(100 * binom.ppf(quantile, n, k / n) / n)


def test_interval_of_equal_speakers_has_no_width(resampled_rate: Any) -> None:
    assert resampled_rate([-2] * 12, [10] * 12) == (-20, -20, -20)


def test_speaker_who_says_more_weighs_more(resampled_rate: Any) -> None:
    assert resampled_rate([9, 0], [90, 10]) == (9.0, 0.0, 10.0)
