"""Code that autocast does not touch, and the dtype that autocast casts to."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def without_autocast(device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which tensors on ``device`` keep their dtype.

    Args:
        device (torch.device): Any device; also one that knows no autocast, as meta.

    Returns:
        AbstractContextManager[None]: The context.

    Examples:
        >>> ones = torch.ones(2, 2)
        >>> with torch.autocast("cpu"), without_autocast(ones.device):
        ...     (ones @ ones).dtype
        torch.float32
    """
    kind = device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()


def autocast_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype in which autocast would hand a tensor to a linear map.

    Args:
        x (Tensor): The tensor, of floating point.

    Returns:
        torch.dtype: Autocast's, where it is enabled; else, and for float64, that of
        the tensor.

    Examples:
        >>> with torch.autocast("cpu", dtype=torch.bfloat16):
        ...     autocast_dtype(torch.ones(2))
        torch.bfloat16
    """
    kind = x.device.type
    if x.dtype == torch.float64 or not torch.amp.is_autocast_available(kind):
        return x.dtype
    enabled = torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if enabled else x.dtype
