"""Residual connections by name, and an S4 encoder that uses them, for ESPnet.

``import espnet_residuals`` is enough for ``encoder: s4`` in a YAML: ESPnet's choices
of encoders are extended as soon as ESPnet's tasks are imported. The import itself
loads neither ESPnet nor torch; every name below loads what it needs on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from espnet_residuals.integration.registration import register, watch_espnet

if TYPE_CHECKING:
    from espnet_residuals.config import ConfigError
    from espnet_residuals.encoder import S4Encoder
    from espnet_residuals.espnet_fixes import fix_state_spaces
    from espnet_residuals.layers import register_layer
    from espnet_residuals.residual import (
        Affine,
        Bypass,
        DecayResidual,
        DecaySchedule,
        DeepNorm,
        DepthScaled,
        Feedforward,
        GRUGate,
        Highway,
        LaurelLR,
        LaurelRW,
        LayerScale,
        OrthogonalUpdate,
        Residual,
        ReZero,
        build_residual,
        mix,
        register_residual,
        registry,
    )
    from espnet_residuals.ssm import S4D

__version__ = "0.2.0"

__all__ = [
    "Affine",
    "Bypass",
    "ConfigError",
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
    "S4D",
    "S4Encoder",
    "build_residual",
    "fix_state_spaces",
    "mix",
    "register",
    "register_layer",
    "register_residual",
    "registry",
]

_SUBPACKAGES = ("config", "encoder", "layers", "residual", "ssm")
_HOMES = {
    "ConfigError": "config",
    "S4D": "ssm",
    "S4Encoder": "encoder",
    "fix_state_spaces": "espnet_fixes",
    "register_layer": "layers",
}


def __getattr__(name: str) -> Any:
    """Load a subpackage, or a public name from its subpackage, on first use."""
    if name in _SUBPACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(f"{__name__}.{_HOMES.get(name, 'residual')}")
    globals()[name] = getattr(home, name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_SUBPACKAGES])


watch_espnet()
