"""Residual connection that keeps very deep postnorm stacks stable."""

from typing import Optional

from espnet_residuals.config import check_integer
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual

SUBLAYERS_PER_BLOCK = 2


@register_residual("deepnorm")
class DeepNorm(Residual):
    r"""Residual connection for deep postnorm stacks: :math:`(2N)^{1/4} x + y`.

    Wang et al., "DeepNet: Scaling Transformers to 1,000 Layers" (TPAMI 2024,
    https://arxiv.org/abs/2203.00555), the encoder-only case. The paper's :math:`N`
    counts blocks of two sublayers, so that here :math:`N` is ``n_layers / 2``, whatever
    a block of the encoder holds.

    The other half of the method is a smaller start of the branches: their weights are
    multiplied by ``init_gain``, :math:`(8N)^{-1/4}`. The encoder of this package does
    that, see :class:`~espnet_residuals.encoder.Sublayer`; in an encoder of your own you
    have to. The norm behind every sublayer takes :math:`\alpha` out again. Without it
    the stream would grow by that factor at every sublayer, so the encoder insists on
    ``prenorm: false`` and ``norm: layer``. There, a branch of variance 1 has the share
    :math:`1 / (1 + \sqrt{2N})` of the variance behind its sublayer.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        n_layers (Optional[int]): Number of sublayers in the stack; must be given.

    Raises:
        ValueError: If ``n_layers`` is missing or too small, or ``d_input`` is not
            ``d_model``.

    Examples:
        >>> deepnorm = DeepNorm(i_layer=1, d_input=8, d_model=8, n_layers=16)
        >>> deepnorm.alpha, round(deepnorm.init_gain, 4)
        (2.0, 0.3536)
    """

    needs_postnorm = True

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        *,
        n_layers: Optional[int] = None,
    ) -> None:
        n_layers = check_integer("n_layers", n_layers, minimum=1)
        blocks = n_layers / SUBLAYERS_PER_BLOCK
        super().__init__(i_layer, d_input, d_model, alpha=(2 * blocks) ** 0.25)
        self.n_layers = n_layers
        self.init_gain = (8 * blocks) ** -0.25

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"{super().extra_repr()}, n_layers={self.n_layers}"
