"""Residual connection through the gates of a recurrent unit."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import check_number
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.linear import LinearInDtype
from espnet_residuals.residual.registration import register_residual


@register_residual("gru")
class GRUGate(Residual):
    r"""Residual connection through a GRU: :math:`(1 - z) \odot x + z \odot h`.

    .. math::
        r = \sigma(W_r y + U_r x), \quad
        z = \sigma(W_z y + U_z x - b), \quad
        h = \tanh(W_h y + U_h (r \odot x)).

    The gate of GTrXL: Parisotto et al., "Stabilizing Transformers for Reinforcement
    Learning" (ICML 2020, https://arxiv.org/abs/1910.06764), for prenorm stacks. The
    paper sends the branch through a ReLU before the gate; here :math:`y` enters as it
    is. :math:`b` starts at ``bias``; with 2, which the paper found to work well, about
    an eighth of :math:`h` passes at the start. ESPnet's ``init:`` draws the matrices
    but leaves :math:`b`.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        bias (float): Start of the bias that holds the gate shut.

    Raises:
        ValueError: If ``bias`` is no number or ``d_input`` is not ``d_model``.

    Examples:
        >>> gru = GRUGate(i_layer=1, d_input=8, d_model=8, bias=100.0)
        >>> x, y = torch.ones(2, 5, 8), torch.randn(2, 5, 8)
        >>> torch.equal(gru(x, y), x)
        True
    """

    def __init__(
        self, i_layer: Optional[int], d_input: int, d_model: int, *, bias: float = 2.0
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.start = check_number("bias", bias)
        self.Wr, self.Ur = self._linear(), self._linear()
        self.Wz, self.Uz = self._linear(), self._linear()
        self.Wh, self.Uh = self._linear(), self._linear()
        self.bias = nn.Parameter(torch.full((d_model,), self.start))

    def _linear(self) -> LinearInDtype:
        return LinearInDtype(self.d_model, self.d_model, bias=False)

    def espnet_initialization_fn(self) -> None:
        """Restore the bias, which ESPnet's ``init:`` sets to 0."""
        nn.init.constant_(self.bias, self.start)

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x`` and ``y`` through the gates; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        if transposed:
            return self._gate(x.transpose(-1, -2), y.transpose(-1, -2)).transpose(
                -1, -2
            )
        return self._gate(x, y)

    def _gate(self, x: Tensor, y: Tensor) -> Tensor:
        dtype = torch.promote_types(x.dtype, y.dtype)
        wide = torch.promote_types(dtype, torch.float32)
        r = torch.sigmoid(self.Wr(y) + self.Ur(x))
        z = torch.sigmoid(self.Wz(y).to(wide) + self.Uz(x) - self.bias.to(wide))
        h = torch.tanh(self.Wh(y) + self.Uh(r.to(x.dtype) * x))
        return ((1.0 - z) * x + z * h).to(dtype)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"i_layer={self.i_layer}, d_model={self.d_model}, bias={self.start:.4g}"
