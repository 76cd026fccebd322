"""Residual connection whose branch weighs less the deeper the whole stack is."""

from typing import Optional

from espnet_residuals.config import check_integer, check_number
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual


@register_residual("depth_scaled")
class DepthScaled(Residual):
    r"""Residual connection scaled by the depth of the stack: :math:`x + s L^{-p} y`.

    :math:`L` is the number of sublayers. With :math:`p = 1/2` the stream keeps a finite
    variance in any depth (Hayou et al., "Stable ResNet", AISTATS 2021,
    https://arxiv.org/abs/2010.12859; Yang et al., Depth-muP, ICLR 2024,
    https://arxiv.org/abs/2310.02244). Dey et al., CompleteP (NeurIPS 2025,
    https://arxiv.org/abs/2505.01618), argue for :math:`p = 1`. To carry learning rates
    from a shallow model to a deep one these papers scale more than the residual
    connection; this is their residual connection alone.

    Of branches and input of variance 1 a prenorm stack has the variance
    :math:`1 + s^2 L^{1 - 2p}`.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        power (float): How fast the weight falls with the depth of the stack, >= 0.
        scale (float): Weight of ``y`` in a stack of one sublayer, > 0.
        n_layers (Optional[int]): Number of sublayers in the stack; must be given.

    Raises:
        ValueError: If an option is out of range, ``n_layers`` is missing, or
            ``d_input`` is not ``d_model``.

    Examples:
        >>> DepthScaled(i_layer=1, d_input=8, d_model=8, n_layers=16).beta
        0.25
    """

    init_gain = 1.0  # the branch is small in a deep stack by itself

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        *,
        power: float = 0.5,
        scale: float = 1.0,
        n_layers: Optional[int] = None,
    ) -> None:
        power = check_number("power", power, minimum=0)
        scale = check_number("scale", scale, above=0)
        n_layers = check_integer("n_layers", n_layers, minimum=1)
        super().__init__(i_layer, d_input, d_model, beta=scale * n_layers**-power)
        self.power = power
        self.scale = scale
        self.n_layers = n_layers

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"{super().extra_repr()}, power={self.power:.4g}, scale={self.scale:.4g}, "
            f"n_layers={self.n_layers}"
        )
