"""Residual connection whose branch starts switched off."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.mix import mix
from espnet_residuals.residual.registration import register_residual
from espnet_residuals.residual.scale_features import scale_features


@register_residual("rezero", "skipinit")
class ReZero(Residual):
    r"""Residual connection whose branch starts switched off: :math:`x + a y`.

    The learned number :math:`a` is 0 at the start, so that a stack of any depth starts
    as the identity. Bachlechner et al., "ReZero is All You Need" (UAI 2021,
    https://arxiv.org/abs/2003.04887); the same rule is SkipInit of De and Smith
    (NeurIPS 2020, https://arxiv.org/abs/2002.10444). ReZero was proposed without
    normalisation, SkipInit in the place of batch normalisation.

    While :math:`a` is 0 the gradient of the sublayer's parameters is 0, though not
    missing; :math:`a` itself moves at the first step. ESPnet's ``init:`` leaves the
    start as it is.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.

    Raises:
        ValueError: If ``d_input`` is not ``d_model``.

    Examples:
        >>> rezero = ReZero(i_layer=1, d_input=8, d_model=8)
        >>> x, y = torch.ones(2, 5, 8), torch.randn(2, 5, 8)
        >>> torch.equal(rezero(x, y), x)
        True
    """

    init_gain = 1.0  # the branch starts small by itself

    def __init__(self, i_layer: Optional[int], d_input: int, d_model: int) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x`` and the scaled ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        dtype = torch.promote_types(x.dtype, y.dtype)
        return mix(x, scale_features(y, self.scale, transposed), 1.0, 1.0).to(dtype)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"i_layer={self.i_layer}, d_model={self.d_model}"
