"""How names and options in a YAML become objects, with errors for its reader.

Knows nothing of residuals, layers or ESPnet: a :class:`Registry` maps names to
classes, :func:`build_from_config` builds one of them, the ``check_*`` functions
validate single options, and every complaint is a :class:`ConfigError` that says
where in the configuration the fault is.
"""

from espnet_residuals.config.build import build_from_config, to_plain
from espnet_residuals.config.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
    check_options,
)
from espnet_residuals.config.errors import ConfigError, UnknownNameError, shown
from espnet_residuals.config.interface import check_method
from espnet_residuals.config.registry import Registry

__all__ = [
    "ConfigError",
    "Registry",
    "UnknownNameError",
    "build_from_config",
    "check_choice",
    "check_flag",
    "check_integer",
    "check_method",
    "check_number",
    "check_options",
    "shown",
    "to_plain",
]
