"""Set the number of sublayers of an encoder."""

import math
from typing import Any, Mapping

from espnet_residuals.encoder import S4Encoder
from espnet_residuals.encoder.s4_encoder import DEFAULT_BLOCK
from espnet_residuals.probe.encoder_class import encoder_class
from espnet_residuals.probe.training_yaml import TrainingYaml


def depth_for(config: TrainingYaml, layers: int) -> int:
    """Return the smallest number of blocks with at least so many sublayers.

    Args:
        config (TrainingYaml): The configuration.
        layers (int): Number of sublayers; of an encoder of ESPnet's, of layers.

    Returns:
        int: The option ``num_blocks``.
    """
    size = 1
    if encoder_class(config.encoder) is S4Encoder:
        size = _block_size(config.encoder_conf)
    return math.ceil(layers / size)


def _block_size(encoder_conf: Mapping[str, Any]) -> int:
    layer = encoder_conf.get("layer", DEFAULT_BLOCK)
    return max(1, len(layer)) if isinstance(layer, (list, tuple)) else 1
