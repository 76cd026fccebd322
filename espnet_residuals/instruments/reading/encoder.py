"""The encoder of a training YAML, and nothing else of the model: found and built."""

import inspect
import math
import re
from typing import Any, Mapping

import torch
from espnet2.torch_utils.initialize import initialize
from torch import nn
from typeguard import TypeCheckError

from espnet_residuals.config import ConfigError, check_options
from espnet_residuals.config.errors import suggest
from espnet_residuals.encoder import S4Encoder
from espnet_residuals.encoder.s4_encoder import DEFAULT_BLOCK
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.reading.training_yaml import TrainingYaml
from espnet_residuals.integration.registration import ENCODER_NAME, SPARE_ENCODER_NAME

# ESPnet downloads the weights of these while it builds them.
PRETRAINED = (
    "avhubert",
    "beats",
    "hubert",
    "torchaudiohubert",
    "wav2vec2",
    "whisper",
)


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


def encoder_class(name: str) -> Any:
    """Return the class of an encoder.

    Args:
        name (str): ``s4``, or the name of an encoder of ESPnet's ASR task.

    Returns:
        Any: The class.

    Raises:
        Failure: If ESPnet has no such encoder, or would download it.
    """
    if name in (ENCODER_NAME, SPARE_ENCODER_NAME):
        return S4Encoder
    if name in PRETRAINED:
        raise Failure(
            Exit.ENCODER,
            f"the encoder {name!r} is a pretrained model; probe downloads none",
        )
    # Takes seconds, and only ESPnet's own encoders need it.
    from espnet2.tasks.asr import encoder_choices

    known = sorted({ENCODER_NAME, *encoder_choices.classes})
    if name not in known:
        raise Failure(
            Exit.ENCODER,
            f"unknown encoder {name!r}; ESPnet has {', '.join(known)}"
            f"{suggest(name, known)}",
        )
    return encoder_choices.classes[name]


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
