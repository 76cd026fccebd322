"""A diagonal kernel that asks for no gradient where there is none."""

from typing import Any

from espnet2.asr.state_spaces.s4 import SSKernelDiag

_init = SSKernelDiag.__init__


def init_diagonal_kernel(kernel: SSKernelDiag, *args: Any, **kwargs: Any) -> None:
    """Initialise a diagonal kernel; its parameter ``A`` is not trained.

    Forward never reads it (the values in use are ``inv_A_real`` and ``A_imag``), so
    distributed training would wait for a gradient that never comes. It keeps its place
    in checkpoints.

    Args:
        kernel (SSKernelDiag): The kernel.
        *args (Any): Arguments of ESPnet's ``__init__``.
        **kwargs (Any): Arguments of ESPnet's ``__init__``.

    Examples:
        >>> from espnet_residuals import fix_state_spaces
        >>> from espnet2.asr.state_spaces.s4 import SSKernel
        >>> with fix_state_spaces():
        ...     kernel = SSKernel(8, mode="diag", measure="diag-lin").kernel
        >>> kernel.A.requires_grad
        False
    """
    _init(kernel, *args, **kwargs)
    kernel.A.requires_grad_(False)
