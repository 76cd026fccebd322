"""Residual connection with a learned map of low rank beside the identity."""

from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import check_integer
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.linear import LinearInDtype
from espnet_residuals.residual.registration import register_residual


@register_residual("laurel_lr")
class LaurelLR(Residual):
    r"""Residual connection with a map of low rank: :math:`y + x + B A x`.

    The variant LAuReL-LR of Menghani et al., "LAuReL: Learned Augmented Residual Layer"
    (ICML 2025, https://arxiv.org/abs/2411.07501). :math:`A` has ``rank`` rows; the
    paper takes 4, 16 and 64. As there, :math:`B` starts at 0, so that training starts
    from the plain residual connection; the gradient of :math:`A` is 0 until the first
    step, though not missing. :math:`A` has Xavier's start, as the paper's ResNet (its
    language models have orthogonal columns). The maps of a stack of K sublayers
    multiply each other, so there it is divided by K: Adam's first steps change every
    number of :math:`B` by the learning rate, whatever the depth.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        rank (int): Rank of the map, >= 1.
        n_layers (Optional[int]): Number K of sublayers in the stack; None: as 1.

    Raises:
        ValueError: If ``rank`` is out of range or ``d_input`` is not ``d_model``.

    Examples:
        >>> laurel = LaurelLR(i_layer=1, d_input=8, d_model=8, rank=2)
        >>> sum(parameter.numel() for parameter in laurel.parameters())
        32
    """

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        *,
        rank: int = 16,
        n_layers: Optional[int] = None,
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.rank = check_integer("rank", rank, minimum=1)
        self.n_layers = (
            1 if n_layers is None else check_integer("n_layers", n_layers, minimum=1)
        )
        self.A = LinearInDtype(d_input, self.rank, bias=False)
        self.B = LinearInDtype(self.rank, d_model, bias=False)
        self._start()

    def _start(self) -> None:
        nn.init.xavier_uniform_(self.A.weight, gain=1 / self.n_layers)
        nn.init.zeros_(self.B.weight)

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:``."""
        self._start()

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join ``x``, its image and ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        dtype = torch.promote_types(x.dtype, y.dtype)
        wide = torch.promote_types(dtype, torch.float32)
        image = self.B(self.A(x.transpose(-1, -2) if transposed else x))
        if transposed:
            image = image.transpose(-1, -2)
        return (x.to(wide) + image + y).to(dtype)

    def learned_weights(self) -> dict[str, Tensor]:
        """Return the norm of the learned map, for reports on training."""
        return {"BA_norm": (self.B.weight @ self.A.weight).norm()}

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"i_layer={self.i_layer}, d_model={self.d_model}, rank={self.rank}"
