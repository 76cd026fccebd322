"""The residual connection scaled by the depth of the stack."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet_residuals.residual import DepthScaled


@given(
    n_layers=st.integers(1, 1000),
    power=st.floats(0.0, 3.0),
    scale=st.floats(0.01, 10.0),
)
def test_weight_follows_the_formula(n_layers: int, power: float, scale: float) -> None:
    residual = DepthScaled(1, 4, 4, power=power, scale=scale, n_layers=n_layers)
    expected = scale * math.exp(-power * math.log(n_layers))
    assert residual.alpha == 1.0
    assert residual.beta == pytest.approx(expected)


@pytest.mark.parametrize("n_layers", [4, 64])
@pytest.mark.parametrize("power", [0.5, 1.0])
def test_variance_of_a_stack_of_independent_parts(n_layers: int, power: float) -> None:
    x, *branches = torch.randn(n_layers + 1, 10000, 4)
    for i, y in enumerate(branches, start=1):
        x = DepthScaled(i, 4, 4, power=power, n_layers=n_layers)(x, y)
    expected = 1 + n_layers ** (1 - 2 * power)
    assert x.var().item() == pytest.approx(expected, abs=0.06)
