"""What is added to ESPnet, and where."""

import logging
import warnings
from importlib.util import find_spec
from types import ModuleType
from typing import Mapping

from espnet_residuals_import_hook import when_imported

logger = logging.getLogger(__name__)

ENCODER_NAME = "s4"
SPARE_ENCODER_NAME = "s4_residual"

# Each keeps a choice of encoders of its own, and calls them with features and lengths.
MODULES_WITH_ENCODERS = (
    "espnet2.tasks.asr",
    "espnet2.tasks.asvspoof",
    "espnet2.tasks.cls",
    "espnet2.tasks.diar",
    "espnet2.tasks.mt",
    "espnet2.tasks.s2t",
    "espnet2.tasks.slu",
    "espnet2.tasks.st",
    "espnet3.systems.esp2_asr.task",
)
# Where such a module has more than one choice: what is called in the same way.
FURTHER_CHOICES = {"espnet2.tasks.st": ("hier_encoder_choices",)}
RESIDUAL_MODULE = "espnet2.asr.state_spaces.residual"


def watch_espnet() -> None:
    """Add names to ESPnet's modules as soon as, and only if, they are imported.

    Nothing that ESPnet has is replaced.
    """
    for name in MODULES_WITH_ENCODERS:
        when_imported(name, add_encoder)
    when_imported(RESIDUAL_MODULE, add_residuals)


def register() -> None:
    """Make everything in this package known to ESPnet by name.

    Adds the encoder ``s4`` to ESPnet's choices, as ``import espnet_residuals`` does,
    and puts the residual functions of this package into the registry of
    ``espnet2.asr.state_spaces``, in place of ESPnet's of the same names; ESPnet's
    ``S4Decoder`` finds them there. Both happen when ESPnet's modules are imported, or
    at once if they are. Calling it again does no harm.

    Warns if this ESPnet does not have the modules.

    Examples:
        >>> register()
        >>> from espnet2.asr.state_spaces.residual import registry
        >>> registry["decay"]
        <class 'espnet_residuals.residual.decay.DecayResidual'>
    """
    watch_espnet()
    when_imported(RESIDUAL_MODULE, replace_residuals)
    for name in (*MODULES_WITH_ENCODERS, RESIDUAL_MODULE):
        try:
            found = find_spec(name) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            _warn("extend", name, "there is no such module")


def add_encoder(module: ModuleType) -> None:
    """Add the encoder to the choices of one of ESPnet's task modules.

    A name that ESPnet has of its own is left alone; the encoder is then to be had
    under a spare name. A module of a shape not known here is left alone, with a
    warning. From then on optimizers are watched for a layer's learning rate that they
    overlook.

    Args:
        module (ModuleType): The imported module.
    """
    try:
        from espnet_residuals.encoder import S4Encoder
        from espnet_residuals.integration.own_learning_rate import watch_learning_rates

        for name in ("encoder_choices", *FURTHER_CHOICES.get(module.__name__, ())):
            choices = getattr(module, name)
            if not issubclass(S4Encoder, choices.base_type):
                raise TypeError(f"an encoder must be a {choices.base_type.__name__}")
            if S4Encoder not in choices.classes.values():
                choices.classes[_free_name(choices.classes, module)] = S4Encoder
        watch_learning_rates()
    except Exception as error:
        _warn(f"add the encoder {ENCODER_NAME!r} to", module.__name__, repr(error))


def _free_name(classes: Mapping[str, type], module: ModuleType) -> str:
    """Return the encoder's name, or the spare one if ESPnet has taken it."""
    if ENCODER_NAME not in classes:
        return ENCODER_NAME
    logger.warning(
        "ESPnet has an encoder %r of its own in %s; the one of espnet-residuals is "
        "called %r there",
        ENCODER_NAME,
        module.__name__,
        SPARE_ENCODER_NAME,
    )
    return SPARE_ENCODER_NAME


def add_residuals(module: ModuleType) -> None:
    """Add the residual functions that ESPnet does not have to its registry.

    Args:
        module (ModuleType): ``espnet2.asr.state_spaces.residual``.
    """
    try:
        from espnet_residuals.residual import registry

        for name, cls in registry.items():
            module.registry.setdefault(name, cls)
    except Exception as error:
        _warn("add residual functions to", module.__name__, repr(error))


def replace_residuals(module: ModuleType) -> None:
    """Put this package's residual functions where ESPnet's own stand.

    Args:
        module (ModuleType): ``espnet2.asr.state_spaces.residual``. Names that somebody
            else put into its registry are left alone.
    """
    try:
        from espnet_residuals.residual import registry

        theirs = module.registry
        for name, cls in registry.items():
            if name not in theirs or theirs[name].__module__ == module.__name__:
                theirs[name] = cls
    except Exception as error:
        _warn("put its residual functions into", module.__name__, repr(error))


def _warn(action: str, module: str, reason: str) -> None:
    warnings.warn(
        f"espnet-residuals {_version('espnet-residuals')} could not {action} {module} "
        f"of ESPnet {_version('espnet')}: {reason}. ESPnet works on without it.",
        RuntimeWarning,
        stacklevel=3,
    )


def _version(package: str) -> str:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
