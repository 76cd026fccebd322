"""The decay between two given weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet_residuals.residual import DecaySchedule

weights = st.floats(0.01, 1.0)
shapes = st.sampled_from(["linear", "cosine", "geometric"])


def betas(n_layers: int, **options: object) -> list[float]:
    stack = [
        DecaySchedule(i, 4, 4, n_layers=n_layers, **options)
        for i in range(1, n_layers + 1)
    ]
    return [residual.beta for residual in stack]


@given(first=weights, last=weights, shape=shapes, n_layers=st.integers(2, 40))
def test_weight_goes_from_the_first_to_the_last_without_turning(
    first: float, last: float, shape: str, n_layers: int
) -> None:
    values = betas(n_layers, first=first, last=last, shape=shape)
    assert (values[0], values[-1]) == pytest.approx((first, last))
    up = values == sorted(values)
    down = values == sorted(values, reverse=True)
    assert up or down or max(values) - min(values) < 1e-12


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("linear", [0.8, 0.65, 0.5, 0.35, 0.2]),
        ("cosine", [0.8, 0.7121320, 0.5, 0.2878680, 0.2]),
        ("geometric", [0.8, 0.5656854, 0.4, 0.2828427, 0.2]),
    ],
)
def test_shapes(shape: str, expected: list[float]) -> None:
    assert betas(5, first=0.8, last=0.2, shape=shape) == pytest.approx(expected)


@given(first=weights, shape=shapes, l2=st.booleans())
def test_only_sublayer_has_the_first_weight(first: float, shape: str, l2: bool) -> None:
    residual = DecaySchedule(1, 4, 4, n_layers=1, first=first, shape=shape, l2=l2)
    kept = residual.alpha**2 + first**2 if l2 else residual.alpha + first
    assert residual.beta == first
    assert kept == pytest.approx(1.0)


def test_index_beyond_the_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="n_layers: must be >= i_layer=5, got 4"):
        DecaySchedule(5, 4, 4, n_layers=4)


def test_variance_stays_one_and_shares_are_those_of_the_documentation() -> None:
    x, *branches = torch.randn(13, 10000, 4)
    values = betas(12, first=0.6, last=0.2)
    for i, y in enumerate(branches, start=1):
        x = DecaySchedule(i, 4, 4, n_layers=12, first=0.6, last=0.2)(x, y)
    assert x.var().item() == pytest.approx(1.0, abs=0.05)
    for i, y in enumerate(branches):
        later = torch.tensor(values[i + 1 :]).square()
        share = values[i] ** 2 * (1 - later).prod().item()
        assert (x * y).mean().item() ** 2 == pytest.approx(share, abs=0.02)
