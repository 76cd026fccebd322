"""Find the class of an encoder by the name that a YAML gives it."""

from typing import Any

from espnet_residuals.config.errors import suggest
from espnet_residuals.encoder import S4Encoder
from espnet_residuals.integration.registration import ENCODER_NAME, SPARE_ENCODER_NAME
from espnet_residuals.probe.failure import Exit, Failure

# ESPnet downloads the weights of these while it builds them.
PRETRAINED = (
    "avhubert",
    "beats",
    "hubert",
    "torchaudiohubert",
    "wav2vec2",
    "whisper",
)


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
