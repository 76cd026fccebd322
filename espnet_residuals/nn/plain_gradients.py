"""Gradients of a gradient that was written by hand."""

from typing import Any, Callable, Optional, Sequence

import torch
from torch import Tensor


def plain_gradients(
    function: Callable[..., Tensor], arguments: Sequence[Any], gradient: Tensor
) -> tuple[Optional[Tensor], ...]:
    """Return the gradients of plain operations, which autograd can differentiate again.

    A gradient written by hand is no part of the graph. Where one is asked for
    (``create_graph=True``, so that ``torch.is_grad_enabled()`` in ``backward``), it
    leaves the work to autograd.

    Args:
        function (Callable[..., Tensor]): The same result by plain operations.
        arguments (Sequence[Any]): Its arguments, tensors and others.
        gradient (Tensor): Gradient of its result.

    Returns:
        tuple[Optional[Tensor], ...]: A gradient for each argument; None for those that
        need none.

    Examples:
        >>> x = torch.tensor(3.0, requires_grad=True)
        >>> (slope, _) = plain_gradients(torch.pow, (x, 3), torch.tensor(1.0))
        >>> slope, torch.autograd.grad(slope, x)
        (tensor(27., grad_fn=<MulBackward0>), (tensor(18.),))
    """
    needed = [isinstance(x, Tensor) and x.requires_grad for x in arguments]
    inputs = [x for x, is_needed in zip(arguments, needed) if is_needed]
    result = function(*arguments)
    found = iter(torch.autograd.grad(result, inputs, gradient, create_graph=True))
    return tuple(next(found) if is_needed else None for is_needed in needed)
