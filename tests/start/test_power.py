"""The power of an activation's output, against closed forms and integration."""

import math
from typing import Callable

import pytest
import torch
import torch.nn.functional as F
from scipy.integrate import quad
from torch import Tensor

from espnet_residuals.start import power, spread


def test_gelu_has_the_power_and_mean_of_its_closed_form() -> None:
    """E[z^2 Phi(z)^2] and E[z Phi(z)] for standard normal z."""
    expected = 1 / 3 + 1 / (2 * math.pi * math.sqrt(3))
    assert power(F.gelu) == pytest.approx(expected, rel=1e-10)
    mean = 1 / (2 * math.sqrt(math.pi))
    assert spread(F.gelu) == pytest.approx(expected - mean**2, rel=1e-10)


@pytest.mark.parametrize("variance", [0.01, 0.15, 1.0])
@pytest.mark.parametrize("function", [torch.sigmoid, torch.tanh, F.silu])
def test_quadrature_agrees_with_integration(
    function: Callable[[Tensor], Tensor], variance: float
) -> None:
    def moment(order: int) -> float:
        def integrand(z: float) -> float:
            value = function(torch.tensor(z * variance**0.5, dtype=torch.float64))
            density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
            return value.item() ** order * density

        return float(quad(integrand, -12, 12, epsabs=1e-12)[0])

    assert power(function, variance) == pytest.approx(moment(2), rel=1e-8)
    assert spread(function, variance) == pytest.approx(
        moment(2) - moment(1) ** 2, rel=1e-8
    )
