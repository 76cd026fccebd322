"""Residual connection that adds only what is new in the branch."""

from typing import Optional

import torch
from torch import Tensor

from espnet_residuals.config import check_number
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual


@register_residual("orthogonal")
class OrthogonalUpdate(Residual):
    r"""Add the part of the branch orthogonal to the stream: :math:`x + y - p\,x`.

    Here :math:`p = (x \cdot y) / (x \cdot x + \epsilon)`, with products over the
    features of one frame. Oh et al., "Revisiting Residual Connections: Orthogonal
    Updates for Stable and Efficient Deep Networks" (NeurIPS 2025,
    https://arxiv.org/abs/2505.11881), the form that works on features.

    The squared norm of the stream grows by that of the orthogonal part, which for a
    branch of variance 1 with d features, independent of ``x``, is :math:`d - 1`. All is
    computed in float32 at least.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        eps (float): Added to the squared norm of ``x``, > 0.

    Raises:
        ValueError: If ``eps`` is out of range or ``d_input`` is not ``d_model``.

    Examples:
        >>> orthogonal = OrthogonalUpdate(i_layer=1, d_input=2, d_model=2)
        >>> orthogonal(torch.tensor([2.0, 0.0]), torch.tensor([3.0, 4.0])).round()
        tensor([2., 4.])
    """

    def __init__(
        self, i_layer: Optional[int], d_input: int, d_model: int, *, eps: float = 1e-6
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.eps = check_number("eps", eps, above=0)

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x`` and what is new in ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        dtype = torch.promote_types(x.dtype, y.dtype)
        wide = torch.promote_types(dtype, torch.float32)
        x, y = x.to(wide), y.to(wide)
        features = -2 if transposed else -1
        along = (x * y).sum(features, keepdim=True)
        squared = (x * x).sum(features, keepdim=True)
        return (x + (y - along / (squared + self.eps) * x)).to(dtype)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"i_layer={self.i_layer}, d_model={self.d_model}, eps={self.eps:.4g}"
