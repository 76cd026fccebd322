"""Is the NPLR kernel that ESPnet computes here the one of its own recurrence?"""

import warnings
from functools import cache

import torch

LENGTH = 8
# In float32 a right kernel is within 1e-5, the wrong one beyond 0.3.
TOLERANCE = 1e-3


def kernel_error() -> float:
    """Measure how far ESPnet's kernel is from the response of its step-by-step mode.

    On a kernel so small that it takes milliseconds; draws no random numbers.

    Returns:
        float: Norm of the difference, relative to the norm of the response.

    Examples:
        >>> from espnet_residuals import fix_state_spaces
        >>> with fix_state_spaces():
        ...     kernel_error() < 1e-5
        True
    """
    from espnet2.asr.state_spaces.s4 import SSKernel

    with torch.no_grad(), torch.device("cpu"):
        kernel = SSKernel(1, N=4, deterministic=True)
        computed = kernel(L=LENGTH, rate=1.0)[0].flatten()
        kernel._setup_step()
        state = kernel.default_state(1)
        response = torch.empty(LENGTH)
        for step in range(LENGTH):
            impulse = torch.full((1, 1), float(step == 0))
            y, state = kernel.step(impulse, state)
            response[step] = y.squeeze()
    return ((computed - response).norm() / response.norm()).item()


def falls_back() -> bool:
    """Return whether ESPnet has neither its CUDA extension nor pykeops."""
    from espnet2.asr.state_spaces import s4

    return not (s4.has_cauchy_extension or s4.has_pykeops)


def warn_of_wrong_kernel() -> None:
    """Warn, once per process, if ESPnet's fallback computes a wrong kernel."""
    if falls_back() and kernel_error() > TOLERANCE:
        _warn()


@cache
def _warn() -> None:
    warnings.warn(
        "layer 'espnet_s4': ESPnet computes a wrong kernel for mode 'nplr' when "
        "neither its CUDA extension nor pykeops is installed, as here. For a new "
        "layer with d_state=64 the error, against the recurrence in float64, is as "
        "large as the kernel: 98 to 101 % of its norm. Use the layer 's4d' instead, "
        "or call espnet_residuals.fix_state_spaces() before training.",
        RuntimeWarning,
    )
