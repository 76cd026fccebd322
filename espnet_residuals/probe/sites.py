"""Where in an encoder there is something to measure."""

from typing import NamedTuple, Optional

from torch import nn

from espnet_residuals.encoder import S4Encoder
from espnet_residuals.probe.failure import Exit, Failure


class Site(NamedTuple):
    """One sublayer, or one layer of an encoder that keeps its sublayers to itself.

    Attributes:
        name (str): What it is.
        module (nn.Module): From the stream to the stream.
        residual (Optional[nn.Module]): The residual function in it, if hooks reach it.
        layer (Optional[nn.Module]): The layer in it, if hooks reach it.
    """

    name: str
    module: nn.Module
    residual: Optional[nn.Module]
    layer: Optional[nn.Module]


def find_sites(encoder: nn.Module) -> list[Site]:
    """Return the sublayers of ``s4``, or the layers in another's list ``encoders``.

    Args:
        encoder (nn.Module): The encoder.

    Returns:
        list[Site]: From the first to the last.

    Raises:
        Failure: If the encoder has no such layers.
    """
    if isinstance(encoder, S4Encoder):
        return [
            Site(
                type(sublayer.layer).__name__,
                sublayer,
                sublayer.residual,
                sublayer.layer,
            )
            for sublayer in encoder.stack.sublayers
        ]
    layers = getattr(encoder, "encoders", None)
    if not isinstance(layers, (nn.ModuleList, nn.Sequential)) or not len(layers):
        raise Failure(
            Exit.ENCODER,
            f"{type(encoder).__name__} cannot be probed: it has no list of layers "
            "named 'encoders'; s4, transformer, conformer and branchformer can",
        )
    return [Site(type(layer).__name__, layer, None, None) for layer in layers]
