"""The convolution by transforms against the sum that defines it, in float64."""

from typing import Optional

import pytest
import torch
from torch import Tensor

from espnet_residuals.ssm import convolution
from espnet_residuals.ssm.convolution import long_convolution


def frame_by_frame(x: Tensor, kernels: Tensor, D: Tensor) -> Tensor:
    """Sum over all pairs of frames."""
    length = x.size(1)
    lags = torch.arange(length).unsqueeze(-1) - torch.arange(length)
    weights = kernels[0][:, lags.clamp(min=0)] * (lags >= 0)
    if kernels.size(0) == 2:
        weights = weights + kernels[1][:, (-lags - 1).clamp(min=0)] * (lags < 0)
    return torch.einsum("hts,bsh->bth", weights, x) + D * x


def arguments(n_kernels: int, batch: int, length: int, d_model: int) -> list[Tensor]:
    torch.manual_seed(0)
    shapes = (batch, length, d_model), (n_kernels, d_model, length + 3), (d_model,)
    return [torch.randn(shape).double().requires_grad_() for shape in shapes]


@pytest.mark.parametrize("tile", [1, 100, 2**19])
@pytest.mark.parametrize("n_kernels", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 20, 7), (2, 61, 3)])
def test_output_and_gradients_are_those_of_the_definition(
    n_kernels: int,
    shape: tuple[int, int, int],
    tile: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever the tiles: one value, a few features, or all there is."""
    monkeypatch.setattr(convolution, "TILE", tile)
    inputs = arguments(n_kernels, *shape)
    x, kernels, D = inputs
    ours, exact = long_convolution(x, kernels, D), frame_by_frame(x, kernels, D)
    gradient = torch.randn_like(exact)
    torch.testing.assert_close(ours, exact)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, gradient),
        torch.autograd.grad(exact, inputs, gradient),
    )


def test_gradients_can_be_differentiated_again() -> None:
    def convolved(*inputs: Tensor) -> Tensor:
        x, kernels, D = inputs
        return long_convolution(x, kernels, D)

    assert torch.autograd.gradgradcheck(convolved, arguments(2, 2, 4, 2))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("of_output", [None, torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_once(
    dtype: Optional[torch.dtype], of_output: Optional[torch.dtype]
) -> None:
    x, kernels, D = (v.detach().float() for v in arguments(2, 2, 50, 4))
    x = x.to(dtype or x.dtype).requires_grad_()
    y = long_convolution(x, kernels, D, of_output)
    exact = frame_by_frame(x.detach().double(), kernels.double(), D.double())
    assert y.dtype == (of_output or x.dtype)
    bound = max(torch.finfo(y.dtype).eps, 1e-6)
    assert ((y - exact).abs() / exact.abs().max()).max() <= bound
    y.sum().backward()
    assert x.grad is not None and x.grad.dtype == x.dtype


def test_frozen_arguments_get_no_gradient() -> None:
    x, kernels, D = arguments(2, 2, 10, 3)
    long_convolution(x, kernels.detach(), D.detach()).sum().backward()
    long_convolution(x.detach(), kernels, D.detach()).sum().backward()
    assert x.grad is not None and kernels.grad is not None and D.grad is None
