"""Residual functions by name; a drop-in for ``espnet2.asr.state_spaces.residual``.

A residual function joins the input ``x`` of a sublayer and the sublayer's output
``y`` into the input of the next one. One file holds one function; ``mix`` does the
arithmetic that most of them share; ``registry`` maps the names that a YAML may use.
"""

from espnet_residuals.residual.affine import Affine
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.build import build_residual
from espnet_residuals.residual.bypass import Bypass
from espnet_residuals.residual.decay import DecayResidual
from espnet_residuals.residual.decay_schedule import DecaySchedule
from espnet_residuals.residual.deep_norm import DeepNorm
from espnet_residuals.residual.depth_scaled import DepthScaled
from espnet_residuals.residual.feedforward import Feedforward
from espnet_residuals.residual.gru_gate import GRUGate
from espnet_residuals.residual.highway import Highway
from espnet_residuals.residual.laurel_lr import LaurelLR
from espnet_residuals.residual.laurel_rw import LaurelRW
from espnet_residuals.residual.layer_scale import LayerScale
from espnet_residuals.residual.mix import mix
from espnet_residuals.residual.orthogonal_update import OrthogonalUpdate
from espnet_residuals.residual.registration import register_residual, registry
from espnet_residuals.residual.rezero import ReZero

__all__ = [
    "Affine",
    "Bypass",
    "DecayResidual",
    "DecaySchedule",
    "DeepNorm",
    "DepthScaled",
    "Feedforward",
    "GRUGate",
    "Highway",
    "LaurelLR",
    "LaurelRW",
    "LayerScale",
    "OrthogonalUpdate",
    "ReZero",
    "Residual",
    "build_residual",
    "mix",
    "register_residual",
    "registry",
]
