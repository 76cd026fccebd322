"""Residual connection with a learned weight on the sublayer's output."""

import math
from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.config.checks import LARGEST
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.mix import mix
from espnet_residuals.residual.registration import register_residual
from espnet_residuals.residual.scale_features import scale_features


@register_residual("affine", "A")
class Affine(Residual):
    r"""Residual connection with a learned weight: :math:`\alpha x + c y`.

    The weight starts at :math:`c = \beta i^{-\gamma}`, with ``i`` the index of the
    sublayer. From the S4 authors' code (https://github.com/state-spaces/s4).

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, counted from 1;
            used only if ``gamma`` is not 0.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        alpha (float): Weight of ``x``, constant.
        beta (float): Scale of the learned weight at the start.
        scalar (bool): One weight for all features, or one per feature.
        gamma (float): How fast the weight at the start falls with depth.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> affine = Affine(i_layer=4, d_input=8, d_model=8, gamma=0.5)
        >>> affine.affine
        Parameter containing:
        tensor([0.5000], requires_grad=True)
    """

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        alpha: float = 1.0,
        beta: float = 1.0,
        *,
        scalar: bool = True,
        gamma: float = 0.0,
    ) -> None:
        super().__init__(i_layer, d_input, d_model, alpha, beta)
        self.scalar = check_flag("scalar", scalar)
        self.gamma = check_number("gamma", gamma)
        depth = check_integer("i_layer", i_layer, minimum=1) if self.gamma else 1
        weight = self.beta * _power(depth, -self.gamma)
        if abs(weight) > LARGEST:
            raise ConfigError(
                "gamma", f"makes the weight of sublayer {depth} overflow, got {gamma!r}"
            )
        self.start_weight = abs(weight)
        self.affine = nn.Parameter(torch.full((1 if scalar else d_model,), weight))

    def start_weights(self) -> tuple[float, float]:
        """Return alpha and c; see :meth:`Residual.start_weights`."""
        return abs(self.alpha), self.start_weight

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x`` and the weighted ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        weighted = scale_features(y, self.affine, transposed)
        dtype = torch.promote_types(x.dtype, y.dtype)
        return mix(x, weighted, self.alpha, 1.0).to(dtype)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"i_layer={self.i_layer}, d_model={self.d_model}, alpha={self.alpha:.4g}, "
            f"scalar={self.scalar}, gamma={self.gamma:.4g}"
        )


def _power(base: int, exponent: float) -> float:
    """Return a power, infinite where Python would raise."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf
