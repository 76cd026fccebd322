"""How large a branch starts: the rule in the depth, and what DeepNorm asks for."""

from typing import Optional

import torch
from torch import Tensor, nn


def branch_gain(residual: nn.Module, n_layers: int, is_postnorm: bool = False) -> float:
    r"""Return the size that a branch starts with beside one of power 1.

    Where the residual function keeps nothing of the input it is 1. Else it is
    :math:`1 / \sqrt{K}` with K sublayers, so that all branches together have the power
    of what they join; with a norm behind each sublayer :math:`1 / K`, since the stream
    cannot grow there when training makes the branches alike, and their sum K times as
    large as one. A function that makes the branch small by itself says with
    ``init_gain`` what it takes instead, as DeepNorm, DepthScaled, ReZero and LayerScale
    do.

    Args:
        residual (nn.Module): The residual function of the sublayer.
        n_layers (int): Number of sublayers in the stack.
        is_postnorm (bool): Whether a norm follows the residual function.

    Returns:
        float: The gain, in root mean squares.

    Examples:
        >>> from espnet_residuals.residual import DecayResidual
        >>> branch_gain(DecayResidual(1, 8, 8), 16)
        1.0
        >>> branch_gain(DecayResidual(2, 8, 8), 16)
        0.25
        >>> branch_gain(DecayResidual(2, 8, 8), 16, is_postnorm=True)
        0.0625
    """
    own: Optional[float] = getattr(residual, "init_gain", None)
    if own is not None:
        return own
    if not getattr(residual, "keeps_input", True):
        return 1.0
    return 1 / n_layers if is_postnorm else n_layers**-0.5


@torch.no_grad()
def scale_output_weights(layer: nn.Module, gain: float) -> None:
    """Multiply the start of a layer that does not take part in the encoder's start.

    These are the weights of :class:`torch.nn.Linear`, whatever drew them, unless the
    layer has a method ``output_weights`` that returns others. For ``ff`` these are both
    matrices and for ``mha`` those of values and output, as in the paper; queries
    and keys only choose. For ``s4d`` and ``espnet_s4`` it is the matrix behind the
    state-space model; that model keeps the start that its theory asks for. Biases are
    not scaled.

    Args:
        layer (nn.Module): The layer.
        gain (float): The factor; 1 leaves everything as it is.

    Examples:
        >>> layer = nn.Linear(1, 1)
        >>> nn.init.ones_(layer.weight)
        Parameter containing:
        tensor([[1.]], requires_grad=True)
        >>> scale_output_weights(layer, 0.5)
        >>> layer.weight
        Parameter containing:
        tensor([[0.5000]], requires_grad=True)
    """
    if gain == 1.0:
        return
    for weight in _output_weights(layer):
        weight.mul_(gain)


def _output_weights(layer: nn.Module) -> list[Tensor]:
    own = getattr(layer, "output_weights", None)
    if own is not None:
        return list(own())
    return [m.weight for m in layer.modules() if isinstance(m, nn.Linear)]
