"""The terms of an activation's correlation, against what is known of them."""

import pytest
import torch
import torch.nn.functional as F

from espnet_residuals.start import power
from espnet_residuals.start.power import Activation
from espnet_residuals.start.series import correlation_series


def test_polynomials_have_the_terms_of_their_hermite_polynomials() -> None:
    square = correlation_series(torch.square, variance=4.0)
    expected = torch.tensor([16.0, 0.0, 32.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(square[:4], expected)


@pytest.mark.parametrize("function", [F.silu, F.gelu, torch.tanh])
@pytest.mark.parametrize("variance", [0.01, 1.0, 4.0])
def test_all_terms_together_are_the_power(
    function: Activation, variance: float
) -> None:
    got = correlation_series(function, variance).sum().item()
    assert got == pytest.approx(power(function, variance), rel=2e-3)


@pytest.mark.parametrize("correlation", [-0.7, 0.3, 0.9])
def test_sum_is_the_mean_product_of_correlated_numbers(correlation: float) -> None:
    x, noise = torch.randn(2, 2_000_000, dtype=torch.float64)
    y = correlation * x + (1 - correlation**2) ** 0.5 * noise
    terms = correlation_series(F.silu)
    powers = correlation ** torch.arange(len(terms))
    drawn = (F.silu(x) * F.silu(y)).mean().item()
    assert (terms @ powers.double()).item() == pytest.approx(drawn, abs=2e-3)
