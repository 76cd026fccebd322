"""Which of ESPnet's models can read samples as they come."""

from typing import Any

from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.global_mvn import GlobalMVN
from espnet2.layers.utterance_mvn import UtteranceMVN

from espnet_residuals.config import ConfigError
from espnet_residuals.encoder import S4Encoder

# Between the features and the encoder, and behind it.
STAGES = ("preencoder", "postencoder")


def check_streams(model: Any) -> None:
    """Refuse a model of which a part needs more than the samples so far.

    Args:
        model (ESPnetASRModel): The model.

    Raises:
        ConfigError: If it cannot stream; names the option that prevents it, and what
            to train with.
    """
    _check_frontend(model.frontend)
    _check_normalize(model.normalize)
    for stage in STAGES:
        part = getattr(model, stage, None)
        if part is not None:
            raise ConfigError(stage, f"must be null to stream, got {_name(part)}")
    if not isinstance(model.encoder, S4Encoder):
        raise ConfigError(
            "encoder", f"must be s4 to stream here, got {_name(model.encoder)}"
        )
    model.encoder.default_state(batch_size=1)
    if model.ctc is None:
        raise ConfigError(
            "model_conf.ctc_weight",
            "must be > 0 in training, since a stream is read by CTC, got "
            f"{model.ctc_weight}",
        )


def _check_frontend(frontend: Any) -> None:
    if type(frontend) is not DefaultFrontend:
        raise ConfigError(
            "frontend", f"must be default to stream, got {_name(frontend)}"
        )
    if frontend.stft is None:
        raise ConfigError("frontend_conf.apply_stft", "must be true to stream")
    for option in ("use_wpe", "use_beamformer"):
        if getattr(frontend.frontend, option, False):
            raise ConfigError(
                f"frontend_conf.frontend_conf.{option}",
                "must be false to stream, since it reads whole recordings",
            )


def _check_normalize(normalize: Any) -> None:
    if isinstance(normalize, UtteranceMVN):
        raise ConfigError(
            "normalize",
            "utterance_mvn needs the mean of the whole recording before its first "
            "frame, so it cannot stream; train with `normalize: global_mvn`",
        )
    if normalize is not None and type(normalize) is not GlobalMVN:
        raise ConfigError(
            "normalize",
            f"must be global_mvn or null to stream, got {_name(normalize)}",
        )


def _name(part: Any) -> str:
    return "null" if part is None else type(part).__name__
