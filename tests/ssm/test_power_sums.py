"""The sums of powers, made by doubling, against the powers one by one."""

import pytest
import torch
from torch import Tensor

from espnet_residuals.ssm.vandermonde import power_sums, whole_blocks


def inputs(channels: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    c_real, c_imag = torch.randn(2, channels, 3, 4, dtype=dtype).unbind()
    log_abs = -torch.rand(3, 4, dtype=torch.float64) / 100
    angle = 4 * torch.randn(3, 4, dtype=torch.float64)
    for x in (c_real, c_imag, log_abs, angle):
        x.requires_grad_()
    return c_real, c_imag, log_abs, angle


def one_by_one(
    c_real: Tensor, c_imag: Tensor, log_abs: Tensor, angle: Tensor, length: int
) -> Tensor:
    """Sum over the powers, each an exponential of its own, in float64."""
    frames = torch.arange(length, dtype=torch.float64)
    powers = (torch.complex(log_abs, angle).unsqueeze(-1) * frames).exp()
    c = torch.complex(c_real.double(), c_imag.double())
    return 2 * (c.unsqueeze(-1) * powers).sum(dim=-2).real


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 70, 3000])
def test_sums_and_gradients_are_those_of_the_powers_one_by_one(
    channels: int, length: int
) -> None:
    size = int(whole_blocks(length))
    for dtype, bound in ((torch.float64, 1e-10), (torch.float32, 2e-6)):
        arguments = inputs(channels, dtype)
        ours, exact = power_sums(*arguments, size), one_by_one(*arguments, size)
        gradient = torch.randn_like(exact)
        for got, expected in zip(
            [ours, *torch.autograd.grad(ours, arguments, gradient.to(dtype))],
            [exact, *torch.autograd.grad(exact, arguments, gradient)],
            strict=True,
        ):
            error = (got - expected).abs().max() / expected.abs().max()
            assert error < bound


def test_gradients_can_be_differentiated_again() -> None:
    def sums(*arguments: Tensor) -> Tensor:
        c_real, c_imag, log_abs, angle = arguments
        return power_sums(c_real, c_imag, log_abs, angle, 64)

    assert torch.autograd.gradgradcheck(sums, inputs(2, torch.float64))


def test_only_some_arguments_may_need_gradients() -> None:
    c_real, c_imag, log_abs, angle = inputs(1, torch.float64)
    sums = power_sums(c_real, c_imag.detach(), log_abs.detach(), angle, 64)
    (alone,) = torch.autograd.grad(sums.sum(), angle, create_graph=True)
    sums = power_sums(c_real, c_imag, log_abs, angle, 64)
    (together,) = torch.autograd.grad(sums.sum(), angle)
    torch.testing.assert_close(alone, together)
