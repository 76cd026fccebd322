"""The products and transforms of a step, alone."""

from typing import Any, Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.clock import Step

aten = torch.ops.aten
PRODUCTS = {
    aten.mm,
    aten.addmm,
    aten.bmm,
    aten.baddbmm,
    aten.convolution,
    aten.convolution_backward,
    aten._fft_r2c,
    aten._fft_c2r,
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_flash_attention_for_cpu_backward,
}


class _Recorder(TorchDispatchMode):
    """Keeps every call of a product, with its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], Any]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func.overloadpacket in PRODUCTS:
            self.calls.append(lambda: func(*args, **kwargs))
        return func(*args, **kwargs)


def bare_products(step: Step) -> Step:
    """Return a step that does the products and transforms of another, nothing else.

    Args:
        step (Step): A step, forward and backward, of layers on the CPU.

    Returns:
        Step: Its matrix products, convolutions, attention and Fourier transforms, one
        after the other, on the tensors that they had in one step.

    Examples:
        >>> a = torch.eye(3)
        >>> len(bare_products(lambda: (a @ a + a) @ a)())
        2
    """
    with _Recorder() as recorder:
        step()
    return lambda: [call() for call in recorder.calls]
