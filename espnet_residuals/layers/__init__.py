"""What a sublayer computes: the layers that a block is made of, by name.

``registry`` holds the names; every other file is one layer. The state-space layer
``s4d`` is in :mod:`espnet_residuals.ssm`.
"""

from espnet_residuals.layers.registry import (
    build_layer,
    layer_registry,
    register_layer,
)

__all__ = ["build_layer", "layer_registry", "register_layer"]
