"""The weighted sum behind the residual functions: its speed, dtype and zero weight."""

import torch
from torch import Tensor


def mix(x: Tensor, y: Tensor, alpha: float, beta: float) -> Tensor:
    r"""Return :math:`\alpha x + \beta y` in as few passes over memory as torch allows.

    The result has the dtype to which torch promotes ``x`` and ``y``. In half
    precision the sum is formed in float32 and rounded once. Where ``alpha`` is 0,
    ``x`` is not read at all, so an infinity in it cannot become NaN.

    Where ``alpha + beta`` is 1 the sum is :func:`torch.lerp`, which forms
    ``y - x``: a float32 difference beyond 3.4e38 overflows, and where ``x`` or ``y``
    is infinite the result is infinite or NaN, never finite.

    Args:
        x (Tensor): Input of the sublayer, any shape.
        y (Tensor): Output of the sublayer; the shape of ``x``, unless ``alpha`` is 0.
        alpha (float): Weight of ``x``.
        beta (float): Weight of ``y``.

    Returns:
        Tensor: The sum, shaped as ``y``.

    Examples:
        >>> mix(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), 0.5, 2.0)
        tensor([6.5000, 9.0000])
        >>> mix(torch.tensor([float("inf")]), torch.tensor([3.0]), 0.0, 1.0)
        tensor([3.])
    """
    dtype = torch.promote_types(x.dtype, y.dtype)
    if alpha == 0.0:
        return y.to(dtype) if beta == 1.0 else y.to(dtype) * beta
    wide = torch.promote_types(dtype, torch.float32)
    if not torch.jit.is_scripting():
        if torch.compiler.is_compiling():
            return (x.to(wide) * alpha + y.to(wide) * beta).to(dtype)
    if alpha == 1.0 and (beta == 1.0 or dtype == wide):
        return torch.add(x, y, alpha=beta)
    if x.dtype == y.dtype and 0.0 < beta < 1.0 and alpha + beta == 1.0:
        # From the end with the larger weight: 1 minus a weight near 1 is inexact.
        return torch.lerp(x, y, beta) if beta < 0.5 else torch.lerp(y, x, alpha)
    return (x.to(wide) * alpha).add_(y, alpha=beta).to(dtype)
