"""Decoding classes to name in a YAML; importing this module registers the encoder."""

from espnet2.bin.asr_inference import Speech2Text as EspnetSpeech2Text

from espnet_residuals.integration.registration import register
from espnet_residuals.streaming.speech2text import Speech2TextStreaming

__all__ = ["Speech2Text", "Speech2TextStreaming"]

register()


class Speech2Text(EspnetSpeech2Text):
    """ESPnet's ``Speech2Text``, which knows ``encoder: s4``.

    In an ESPnet3 ``inference.yaml``:

    .. code-block:: yaml

        model:
          _target_: espnet_residuals.inference.Speech2Text
    """
