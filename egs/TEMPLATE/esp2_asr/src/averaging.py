"""A Lightning callback that averages the last epoch's checkpoint too."""

from espnet3.components.callbacks.default_callbacks import AverageCheckpointsCallback
from lightning.pytorch import Callback, LightningModule, Trainer


class AverageAtTheEnd(Callback):
    """Averages the best checkpoints once more when training ends.

    ESPnet does it at the end of each validation, when Lightning has yet to save the
    checkpoint of that epoch: the last one, often the best, would be left out.
    """

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Overwrite the averages that ESPnet made last."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, AverageCheckpointsCallback):
                callback.on_validation_end(trainer, pl_module)
