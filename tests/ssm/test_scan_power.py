"""The closed form of how loud a scan starts, against sums and against layers."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.ssm import Mamba2
from espnet_residuals.ssm.kernel import CORRELATION
from espnet_residuals.ssm.s4d import KERNEL_GAIN
from espnet_residuals.ssm.scan_power import scale_for_power, scan_power
from espnet_residuals.start import power
from espnet_residuals.start.series import correlation_series


def summed(decay: Tensor, dt: Tensor, d_state: int, scale: float, rho: float) -> float:
    """Return E y^2 of one head by a double sum over the frames of both directions."""
    lags = torch.arange(2000)
    one, other = correlation_series(F.silu), correlation_series(F.silu, scale**2)
    orders = torch.arange(len(one))

    def expected(series: Tensor) -> Tensor:
        return (series * (rho ** lags.double())[:, None] ** orders).sum(-1)

    means = d_state * (d_state - 1) * other[0] ** 2
    likeness = d_state * other.sum() * expected(other) + means
    correlation = likeness * expected(one)
    frames = torch.arange(-400, 401)
    weight = torch.zeros(len(frames), dtype=torch.float64)
    for direction in range(len(decay)):
        past = frames * (1 - 2 * direction)
        kernel = dt[direction] * decay[direction] ** past.clamp(min=0)
        weight += torch.where(past >= 0, kernel, 0.0)
    distance = (frames[:, None] - frames[None, :]).abs()
    return (weight @ correlation[distance] @ weight).item()


@pytest.mark.parametrize("rho", [0.0, 0.9])
@pytest.mark.parametrize("scale", [0.3, 1.0])
@pytest.mark.parametrize("steps", [[0.05], [0.05, 0.3]], ids=["one way", "both ways"])
def test_closed_form_is_the_double_sum(
    steps: list[float], scale: float, rho: float
) -> None:
    dt = torch.tensor(steps, dtype=torch.float64)
    log_decay = -2.0 * dt
    (got,) = scan_power(log_decay[:, None], dt[:, None], 16, scale, rho)
    expected = summed(log_decay.exp(), dt, 16, scale, rho)
    assert got.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("target", [1e-6, 1e-2, 0.1])
@pytest.mark.parametrize("dt", [0.1, 3.0])
def test_scale_gives_the_power(dt: float, target: float) -> None:
    step = torch.full((1, 4), dt)
    decay = -step * torch.arange(1, 5)
    scale = scale_for_power(target, decay, step, 64, 0.9)
    got = scan_power(decay, step, 64, scale, 0.9).mean().item()
    assert got == pytest.approx(target, rel=1e-6)


@pytest.mark.parametrize("dt", [1e-30, 1e-6, 1e6, 1e30])
def test_steps_beyond_all_use_leave_the_start_finite(dt: float) -> None:
    layer = Mamba2(8, d_state=4, dt_min=dt, dt_max=dt)
    assert all(p.isfinite().all() for p in layer.parameters())
    assert layer(torch.randn(1, 20, 8)).isfinite().all()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_state_space_starts_a_tenth_as_loud_as_the_direct_path(
    bidirectional: bool,
) -> None:
    powers: list[float] = []
    for _ in range(3):
        layer = Mamba2(128, head_dim=16, bidirectional=bidirectional)
        layer.norm.register_forward_pre_hook(
            lambda norm, yz: powers.append(yz[0][:, 200:].square().mean().item())
        )
        for direction in layer._directions():
            torch.nn.init.zeros_(direction.D)
        x = torch.randn(2, 600, 128)
        for t in range(1, x.size(1)):
            x[:, t] = CORRELATION * x[:, t - 1] + (1 - CORRELATION**2) ** 0.5 * x[:, t]
        with torch.no_grad():
            layer(x)
    direct = len(layer._directions()) ** 2 * power(F.silu)
    got = (sum(powers) / len(powers) / direct) ** 0.5
    assert got == pytest.approx(KERNEL_GAIN, rel=0.15)
