"""A region of code that autocast does not touch."""

from contextlib import AbstractContextManager, nullcontext

import torch


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
