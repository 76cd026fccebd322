"""The kernel against the recurrence that it sums, in float64, step by step."""

import itertools

import numpy as np
import pytest
import torch

from espnet_residuals.ssm import S4DKernel


def kernel_by_recurrence(kernel: S4DKernel, length: int) -> np.ndarray:
    """Run the state from an impulse, one multiplication a step, in complex128."""

    def wide(tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().double().numpy()

    def as_complex(tensor: torch.Tensor) -> np.ndarray:
        pair = wide(tensor)
        return pair[..., 0] + 1j * pair[..., 1]

    A = -np.exp(wide(kernel.log_A_real)) + 1j * wide(kernel.A_imag)
    dt = np.exp(wide(kernel.log_dt))[:, None]
    if kernel.discretization == "zoh":
        A_bar = np.exp(A * dt)
        B_bar = np.expm1(A * dt) / A
    else:
        A_bar = (1 + A * dt / 2) / (1 - A * dt / 2)
        B_bar = dt / (1 - A * dt / 2)
    state = B_bar * as_complex(kernel.B)
    C = as_complex(kernel.C)
    values = np.empty((*C.shape[:2], length))
    for step in range(length):
        values[..., step] = 2 * (C * state).sum(-1).real
        state = A_bar * state
    return values


@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
@pytest.mark.parametrize("init", ["lin", "inv", "legs"])
@pytest.mark.parametrize("d_state", [2, 64, 256])
def test_kernel_equals_float64_recurrence(
    init: str, discretization: str, d_state: int
) -> None:
    torch.manual_seed(0)
    kernel = S4DKernel(
        4, d_state, channels=2, init=init, discretization=discretization, dt_max=1.0
    )
    with torch.no_grad():
        kernel.log_dt.copy_(torch.tensor([1e-4, 1e-2, 0.1, 1.0]).log())
        exact = kernel_by_recurrence(kernel, 16_000)
        for length in (1, 63, 64, 65, 1_000, 16_000):
            got = kernel(length)[..., :length].double().numpy()
            scale = np.abs(exact).max(axis=-1, keepdims=True)
            assert np.max(np.abs(got - exact[..., :length]) / scale) <= 2e-6


def test_values_do_not_depend_on_how_many_are_asked_for() -> None:
    kernel = S4DKernel(4, 8)
    with torch.no_grad():
        long = kernel(1_000)
        for length in (1, 64, 65, 300):
            short = kernel(length)[..., :length]
            torch.testing.assert_close(short, long[..., :length], rtol=0, atol=1e-6)


@pytest.mark.long
def test_gradients_of_every_parameter_in_float64() -> None:
    for init, discretization in itertools.product(
        ("lin", "inv", "legs"), ("zoh", "bilinear")
    ):
        kernel = S4DKernel(
            2, 4, 2, init=init, discretization=discretization, dtype=torch.float64
        )
        names = [name for name, _ in kernel.named_parameters()]

        def values(*parameters: torch.Tensor) -> torch.Tensor:
            named = dict(zip(names, parameters))
            return torch.func.functional_call(kernel, named, (70,))

        assert torch.autograd.gradcheck(values, tuple(kernel.parameters()))
