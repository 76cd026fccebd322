"""Build the encoder of a training YAML, and nothing else of the model."""

import inspect
import re
from typing import Any, Mapping

import torch
from espnet2.torch_utils.initialize import initialize
from torch import nn
from typeguard import TypeCheckError

from espnet_residuals.config import ConfigError, check_options
from espnet_residuals.probe.encoder_class import encoder_class
from espnet_residuals.probe.failure import Exit, Failure
from espnet_residuals.probe.training_yaml import TrainingYaml


def build_encoder(
    config: TrainingYaml,
    encoder_conf: Mapping[str, Any],
    input_size: int,
    seed: int,
) -> nn.Module:
    """Build the encoder at its start, with the YAML's ``init`` if there is one.

    Args:
        config (TrainingYaml): The configuration.
        encoder_conf (Mapping[str, Any]): The encoder's options.
        input_size (int): Number of input features.
        seed (int): Seed of the start.

    Returns:
        nn.Module: The encoder.

    Raises:
        Failure: If an option is wrong; says on which line.
    """
    cls = encoder_class(config.encoder)
    try:
        _check_options(cls, encoder_conf)
        torch.manual_seed(seed)
        encoder: nn.Module = cls(input_size, **encoder_conf)
    except ConfigError as error:
        raise config.locate(error) from error
    except (
        AssertionError,
        MemoryError,
        RuntimeError,
        TypeCheckError,
        TypeError,
        ValueError,
    ) as error:
        reason = f"{cls.__name__}: {error or type(error).__name__}"
        raise config.locate(ConfigError(_key_of(error), reason)) from error
    _draw_start(config, encoder)
    return encoder


def _check_options(cls: type, encoder_conf: Mapping[str, Any]) -> None:
    """Refuse an option that the class does not declare."""
    for name in ("self", "input_size"):
        if name in encoder_conf:
            raise ConfigError(
                f"encoder_conf.{name}",
                "is no option: the program sets it; leave it out",
            )
    parameters = inspect.signature(cls).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    accepted = [name for name in parameters if name != "input_size"]
    check_options(cls.__name__, encoder_conf, accepted, "encoder_conf")


def _key_of(error: Exception) -> str:
    """Return the option at fault if typeguard names it, else that of them all."""
    named = re.match(r'argument "(\w+)"', str(error))
    return f"encoder_conf.{named[1]}" if named else "encoder_conf"


def _draw_start(config: TrainingYaml, encoder: nn.Module) -> None:
    """Draw the start anew if the YAML has ``init:``, as ESPnet does."""
    init = config.model["init"]
    if init is None:
        return
    try:
        initialize(encoder, init)
    except (TypeCheckError, ValueError) as error:
        failure = config.locate(ConfigError("init", str(error)))
        raise Failure(Exit.OPTION, str(failure)) from error
