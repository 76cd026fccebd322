"""Multiply the weights that a layer's output is proportional to."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def scale_output_weights(layer: nn.Module, gain: float) -> None:
    """Multiply the start of a layer, as DeepNorm does.

    These are the weights of :class:`torch.nn.Linear`, whatever drew them, unless the
    layer has a method ``output_weights`` that returns others. For ``ff`` these are both
    matrices and for ``espnet_mha`` those of values and output, as in the paper; queries
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
