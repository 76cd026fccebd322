"""Callbacks for the trainer of ESPnet3, or any other of Lightning."""

from functools import partial
from typing import Any, Mapping, Optional

import lightning
from torch.optim import Optimizer

from espnet_residuals.config import check_integer
from espnet_residuals.instruments.following.watch import Watch


class LayerStats(lightning.Callback):
    """Log what happens in every sublayer of an ``s4`` encoder while it trains.

    In an ESPnet3 ``training.yaml``:

    .. code-block:: yaml

        trainer:
          callbacks:
            - _target_: espnet_residuals.callbacks.LayerStats
              every: 100

    For each sublayer the loggers get the mean square of the stream behind it, the
    share of the new branch, the norm of the gradient of its parameters, and what its
    residual function has learned. The numbers are those of one optimizer step: of all
    batches that it accumulates and of all processes, without padding; the gradient is
    that of the step, unscaled and before clipping. With several optimizers the steps of
    one count, the first that trains sublayers (the first of all where the sublayers are
    frozen), and ESPnet3 clips by itself, before this callback is called. Parameters
    that are split over processes (FSDP, DeepSpeed) are not supported.

    Args:
        every (int): Optimizer steps from one measurement to the next, >= 1. The first
            step is measured.

    Raises:
        ValueError: If ``every`` is no such number. When training starts, if the model
            has no ``s4`` encoder.

    Examples:
        >>> LayerStats(every=10).every
        10
    """

    def __init__(self, every: int = 100) -> None:
        self.every = check_integer("every", every, minimum=1)
        self._steps = 0
        self._watch: Optional[Watch] = None
        self._parameters: set[int] = set()

    def on_fit_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Set the hooks.

        Args:
            trainer (lightning.Trainer): The trainer.
            pl_module (lightning.LightningModule): What holds the model.

        Raises:
            ConfigError: If the model has no ``s4`` encoder.
        """
        self._watch = Watch(pl_module)
        self._parameters = {id(parameter) for parameter in self._watch.parameters()}

    def on_train_batch_start(self, *args: Any) -> None:
        """Measure this batch if it belongs to a step that is measured."""
        assert self._watch is not None
        self._watch.is_on = self._steps % self.every == 0

    def on_train_batch_end(self, *args: Any) -> None:
        """Measure no validation that comes before the next batch."""
        assert self._watch is not None
        self._watch.is_on = False

    def on_before_optimizer_step(
        self,
        trainer: lightning.Trainer,
        pl_module: lightning.LightningModule,
        optimizer: Optimizer,
    ) -> None:
        """Log the statistics of the step, and count it.

        Args:
            trainer (lightning.Trainer): The trainer, whose loggers get them.
            pl_module (lightning.LightningModule): What holds the model.
            optimizer (Optimizer): What is about to step; ignored unless it is the
                one whose steps count.
        """
        if optimizer is not self._counted(trainer):
            return
        if self._steps % self.every == 0:
            self._log(trainer, optimizer)
        self._steps += 1

    def _counted(self, trainer: lightning.Trainer) -> Optimizer:
        """Return the first optimizer that trains sublayers, or the first at all."""
        optimizers = trainer.optimizers
        return next(filter(self._trains, optimizers), optimizers[0])

    def _trains(self, optimizer: Optimizer) -> bool:
        """Return whether an optimizer has parameters of the sublayers."""
        return any(
            id(parameter) in self._parameters
            for group in optimizer.param_groups
            for parameter in group["params"]
        )

    def _log(self, trainer: lightning.Trainer, optimizer: Optimizer) -> None:
        assert self._watch is not None
        add_up = partial(trainer.strategy.reduce, reduce_op="sum")
        statistics = self._watch.read(add_up, _gradient_scale(trainer, optimizer))
        for logger in trainer.loggers:
            logger.log_metrics(statistics, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps.

        Returns:
            dict[str, Any]: The number of steps.
        """
        return {"steps": self._steps}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where a checkpoint stands.

        Args:
            state_dict (Mapping[str, Any]): What :meth:`state_dict` returned.
        """
        self._steps = state_dict["steps"]

    def teardown(self, *args: Any, **kwargs: Any) -> None:
        """Take the hooks away."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def on_exception(self, *args: Any) -> None:
        """Take the hooks away after an error, too."""
        self.teardown()


def _gradient_scale(trainer: lightning.Trainer, optimizer: Optimizer) -> float:
    """Return what gradients are still multiplied by: fused optimizers unscale late."""
    scaler = getattr(trainer.precision_plugin, "scaler", None)
    if scaler is None or not getattr(optimizer, "_step_supports_amp_scaling", False):
        return 1.0
    return float(scaler.get_scale())
