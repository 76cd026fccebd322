"""Residual connection with learned weights on both sides."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual
from espnet_residuals.residual.scale_features import scale_features


@register_residual("laurel_rw")
class LaurelRW(Residual):
    r"""Residual connection with two learned weights: :math:`a y + b x`.

    The variant LAuReL-RW of Menghani et al., "LAuReL: Learned Augmented Residual Layer"
    (ICML 2025, https://arxiv.org/abs/2411.07501). The paper keeps the weights from
    growing with a softmax or a sigmoid; here they are free and both start at 1, as the
    plain residual connection.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.

    Raises:
        ValueError: If ``d_input`` is not ``d_model``.

    Examples:
        >>> laurel = LaurelRW(i_layer=1, d_input=8, d_model=8)
        >>> laurel(torch.ones(2, 5, 8), torch.ones(2, 5, 8)).mean().item()
        2.0
    """

    def __init__(self, i_layer: Optional[int], d_input: int, d_model: int) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.x_scale = nn.Parameter(torch.ones(1))
        self.y_scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join the scaled ``x`` and ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        kept = scale_features(x, self.x_scale, transposed)
        added = scale_features(y, self.y_scale, transposed)
        return (kept + added).to(torch.promote_types(x.dtype, y.dtype))

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"i_layer={self.i_layer}, d_model={self.d_model}"
