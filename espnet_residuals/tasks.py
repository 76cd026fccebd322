"""Task classes to name in a YAML; importing this module registers the encoder.

ESPnet3 re-imports the module in its worker processes, so the encoder is known there
too, whether or not the start-up file is installed.
"""

from espnet3.systems.esp2_asr.task import ASRTask as EspnetASRTask

from espnet_residuals.integration.registration import register

register()


class ASRTask(EspnetASRTask):
    """ESPnet's ASR task, which knows ``encoder: s4``.

    In an ESPnet3 ``training.yaml``:

    .. code-block:: yaml

        task: espnet_residuals.tasks.ASRTask
    """
