"""The closed form of a kernel's gain, against the kernels themselves."""

from typing import Any

import pytest
import torch
from torch import Tensor

from espnet_residuals import S4D
from espnet_residuals.ssm import S4DKernel
from espnet_residuals.ssm.kernel import CORRELATION
from espnet_residuals.ssm.kernel_gain import kernel_power
from espnet_residuals.start import KERNEL_GAIN


def output_power(kernels: Tensor, correlation: float) -> Tensor:
    """Return E y^2 for y = k * u and E u_s u_t = correlation^|s - t|, kernel by kernel.

    The double sum over pairs of kernel values, as a recurrence over the kernel.
    """
    total, past = torch.zeros_like(kernels[..., 0]), torch.zeros_like(kernels[..., 0])
    for value in kernels.unbind(-1):
        total = total + value.square() + 2 * value * past
        past = correlation * (past + value)
    return total


@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("dt", [0.05, 0.2])
@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
@pytest.mark.parametrize(("init", "d_state"), [("lin", 16), ("inv", 8), ("legs", 8)])
def test_closed_form_is_the_mean_over_the_directions_of_C(
    init: str, d_state: int, discretization: str, dt: float, correlation: float
) -> None:
    """Complex normal C of variance 1 has the power of 1 and i in each pair, halved."""
    pairs = d_state // 2
    kernel = S4DKernel(
        pairs * 2,
        d_state=d_state,
        init=init,
        discretization=discretization,
        dt_min=dt,
        dt_max=dt,
        dtype=torch.float64,
    )
    directions = torch.eye(pairs, dtype=torch.float64)
    with torch.no_grad():
        kernel.C.zero_()
        kernel.C[0, :pairs, :, 0] = directions
        kernel.C[0, pairs:, :, 1] = directions
        length = int(20 / -kernel._step().log_abs.max())  # decayed by exp(-20)
        measured = output_power(kernel(length)[0], correlation).sum() / 2
        B = torch.view_as_complex(kernel.B.contiguous())
        closed = kernel_power(kernel._step(), B, correlation)
    torch.testing.assert_close(closed, measured.expand_as(closed), rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bidirectional": True},
        {"init": "inv", "d_state": 16},
        {"init": "legs", "discretization": "bilinear", "d_state": 8},
    ],
    ids=str,
)
@pytest.mark.parametrize("dt", [0.005, 0.05, 0.5])
def test_what_the_state_space_adds_is_small_and_equally_small_for_every_dt(
    dt: float, options: dict[str, Any]
) -> None:
    layer = S4D(1000, dt_min=dt, dt_max=dt, **options)
    assert torch.equal(layer.D, torch.ones_like(layer.D))
    with torch.no_grad():
        length = min(4000, int(20 / dt))
        power = output_power(layer.kernel(length), CORRELATION).sum(dim=0)
    assert power.mean().sqrt().item() == pytest.approx(KERNEL_GAIN, rel=0.1)
