"""Residual connection through a learned gate."""

import math
from typing import Final, Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import check_flag, check_integer
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.linear import LinearInDtype
from espnet_residuals.residual.registration import register_residual


@register_residual("highway", "H")
class Highway(Residual):
    r"""Highway connection: :math:`c\,(1 - r)\,x + r\,y'`.

    Here :math:`y' = W_y(y)` and :math:`r = \sigma(W_x(x) + y')`. A simplified form of
    Srivastava et al., "Highway Networks" (https://arxiv.org/abs/1505.00387), from the
    S4 authors' code (https://github.com/state-spaces/s4).

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        scaling_correction (bool): Scale the kept part by c = 1.732, else c = 1.
        elemwise (bool): Let :math:`W_y` be one weight per feature, not a matrix.
        n_layers (Optional[int]): Number of sublayers in the stack. The gate then starts
            nearly shut, as the paper advises: at :math:`r = 1 / K` for ``K =
            n_layers``, so that a stack keeps about 1/e of its input; a single sublayer,
            or None, starts as in ESPnet.

    Raises:
        ValueError: If ``d_input`` is not ``d_model`` or an option is no flag.

    Examples:
        >>> highway = Highway(i_layer=1, d_input=8, d_model=8)
        >>> highway(torch.ones(2, 5, 8), torch.ones(2, 5, 8)).shape
        torch.Size([2, 5, 8])
    """

    elemwise: Final[bool]

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        *,
        scaling_correction: bool = False,
        elemwise: bool = False,
        n_layers: Optional[int] = None,
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        if n_layers is not None:
            check_integer("n_layers", n_layers, minimum=1)
        check_flag("scaling_correction", scaling_correction)
        self.scaling_correction = 1.732 if scaling_correction else 1.0
        self.elemwise = check_flag("elemwise", elemwise)
        self.Wx = LinearInDtype(d_input, d_input)
        self.Wy = (
            nn.Parameter(torch.randn(d_input))
            if elemwise
            else LinearInDtype(d_input, d_input)
        )
        self.n_layers = n_layers
        self._shut()

    def _shut(self) -> None:
        if self.n_layers is not None and self.n_layers > 1:
            nn.init.constant_(self.Wx.bias, -math.log(self.n_layers - 1))

    def espnet_initialization_fn(self) -> None:
        """Shut the gate again after ESPnet's ``init:`` has set its bias to 0."""
        self._shut()

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x`` and ``y`` through the gate; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        if transposed:
            return self._gate(x.transpose(-1, -2), y.transpose(-1, -2)).transpose(
                -1, -2
            )
        return self._gate(x, y)

    def _gate(self, x: Tensor, y: Tensor) -> Tensor:
        if self.elemwise:
            y = self.Wy.to(y.dtype) * y  # type: ignore[operator]
        else:
            y = self.Wy(y)  # type: ignore[operator]
        r = torch.sigmoid(self.Wx(x) + y)
        return self.scaling_correction * (1.0 - r) * x + r * y

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"d_model={self.d_model}, scaling_correction={self.scaling_correction}, "
            f"elemwise={self.elemwise}"
        )
