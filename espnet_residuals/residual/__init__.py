"""Residual functions by name; a drop-in for ``espnet2.asr.state_spaces.residual``.

A residual function joins the input ``x`` of a sublayer and the sublayer's output
``y`` into the input of the next one. One file holds one function; ``mix`` does the
arithmetic that most of them share; ``registry`` maps the names that a YAML may use.
"""

from espnet_residuals.residual.affine import Affine
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.build import build_residual
from espnet_residuals.residual.decay import DecayResidual
from espnet_residuals.residual.feedforward import Feedforward
from espnet_residuals.residual.highway import Highway
from espnet_residuals.residual.mix import mix
from espnet_residuals.residual.registration import register_residual, registry

__all__ = [
    "Affine",
    "DecayResidual",
    "Feedforward",
    "Highway",
    "Residual",
    "build_residual",
    "mix",
    "register_residual",
    "registry",
]
