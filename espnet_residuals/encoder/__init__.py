"""The S4 encoder: layers and residual functions by name, stacked.

Files, from the inside outward: ``drop_path``, ``init_gain`` (how large branches start),
``sublayer`` (norm, layer, residual function), ``block`` (what ``layer`` says of one),
``growth`` (what would overflow), ``stack`` (blocks of sublayers),
``input_layer`` (ESPnet's subsampling) with ``input_power`` (how loud it is),
``s4_encoder`` (ESPnet's AbsEncoder around all of it), ``former_default`` (models stored
before its default block had a convolution).
"""

from espnet_residuals.encoder.s4_encoder import S4Encoder
from espnet_residuals.encoder.stack import ResidualStack
from espnet_residuals.encoder.sublayer import Sublayer

__all__ = ["ResidualStack", "S4Encoder", "Sublayer"]
