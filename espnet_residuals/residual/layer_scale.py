"""Residual connection with a small learned weight for every feature."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import check_integer, check_number
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.mix import mix
from espnet_residuals.residual.registration import register_residual
from espnet_residuals.residual.scale_features import scale_features

SUBLAYERS_PER_BLOCK = 2


@register_residual("layerscale")
class LayerScale(Residual):
    r"""Residual connection with a small weight per feature: :math:`x + \gamma \odot y`.

    Touvron et al., "Going deeper with Image Transformers" (ICCV 2021,
    https://arxiv.org/abs/2103.17239). All of :math:`\gamma` starts at ``init``; the
    paper takes 0.1 for up to 18 blocks, 1e-5 for 24 and 1e-6 beyond. Between 18 and 24,
    which it leaves out, it is 1e-5 here. Its blocks have two sublayers, so that the
    rule reads ``n_layers / 2``. At the start a prenorm stack of K branches of variance
    1 adds :math:`K \text{init}^2` to the variance.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        init (Optional[float]): The weights at the start, > 0; None for the paper's
            rule, or 1e-4 where ``n_layers`` is not known.
        n_layers (Optional[int]): Number of sublayers in the stack.

    Raises:
        ValueError: If an option is out of range, or ``d_input`` is not ``d_model``.

    Examples:
        >>> LayerScale(i_layer=1, d_input=2, d_model=2, n_layers=24).scale
        Parameter containing:
        tensor([0.1000, 0.1000], requires_grad=True)
    """

    init_gain = 1.0  # the branch starts small by itself

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        *,
        init: Optional[float] = None,
        n_layers: Optional[int] = None,
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        if n_layers is not None:
            check_integer("n_layers", n_layers, minimum=1)
        if init is None:
            self.init = _start_for_depth(n_layers)
        else:
            self.init = check_number("init", init, above=0)
        self.scale = nn.Parameter(torch.full((d_model,), self.init))

    def start_weights(self) -> tuple[float, float]:
        """Return 1 and the start of c; see :meth:`Residual.start_weights`."""
        return 1.0, self.init

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x`` and the scaled ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        dtype = torch.promote_types(x.dtype, y.dtype)
        return mix(x, scale_features(y, self.scale, transposed), 1.0, 1.0).to(dtype)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"i_layer={self.i_layer}, d_model={self.d_model}, init={self.init:.4g}"


def _start_for_depth(n_layers: Optional[int]) -> float:
    if n_layers is None:
        return 1e-4
    blocks = n_layers / SUBLAYERS_PER_BLOCK
    if blocks <= 18:
        return 0.1
    return 1e-5 if blocks <= 24 else 1e-6
