"""No residual connection: the input of the sublayer is dropped."""

from typing import Optional

from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual


@register_residual("feedforward", "ff", "none", "F", "N")
class Feedforward(Residual):
    """No residual connection: the result is :math:`y`.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, counted from 1.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``; need not be ``d_input``.

    Examples:
        >>> import torch
        >>> feedforward = Feedforward(i_layer=1, d_input=8, d_model=4)
        >>> feedforward(torch.ones(2, 5, 8), torch.zeros(2, 5, 4)).shape
        torch.Size([2, 5, 4])
    """

    def __init__(self, i_layer: Optional[int], d_input: int, d_model: int) -> None:
        super().__init__(i_layer, d_input, d_model, alpha=0.0, beta=1.0)
