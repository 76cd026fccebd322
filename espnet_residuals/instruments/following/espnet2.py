"""ESPnet2's ASR task, with a trainer that reports statistics and saves safely."""

import argparse
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Sequence

import torch
from espnet2.tasks.asr import ASRTask as EspnetASRTask
from espnet2.train.reporter import Reporter, SubReporter
from espnet2.train.trainer import Trainer, TrainerOptions
from espnet2.utils.build_dataclass import build_dataclass
from torch import Tensor, nn
from torch.optim import Optimizer

from espnet_residuals.config import ConfigError, check_integer
from espnet_residuals.instruments.following.watch import Watch
from espnet_residuals.integration.whole_saves import save_model_of, whole_saves

OPTION = "layer_stats_every"


@dataclass
class Options(TrainerOptions):
    """ESPnet's options, and how often to measure.

    Attributes:
        layer_stats_every (int): Optimizer steps from one measurement to the next.
    """

    layer_stats_every: int


class LayerStatsTrainer(Trainer):
    """ESPnet2's trainer, which reports what happens in every sublayer.

    It measures the first optimizer step of each epoch and every one that is due after
    it: all batches since the step before, without padding, of all processes. The
    gradients are those before clipping. A step that ESPnet skips, since its gradient is
    no number, does not count, but is measured if it is due, and so are all until one is
    taken; clipping has made every gradient NaN by then, but the stream shows where it
    began. Of several optimizers the steps of the first count. A process that is killed
    while it saves leaves what it had saved before.
    """

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the option to those of the command line and the YAML.

        Args:
            parser (argparse.ArgumentParser): The task's parser, changed in place.
        """
        parser.add_argument(
            f"--{OPTION}",
            type=int,
            default=100,
            help="Report statistics of every sublayer of an s4 encoder, once in so "
            "many optimizer steps",
        )

    @classmethod
    def build_options(cls, args: argparse.Namespace) -> Options:
        """Return the trainer's options.

        Args:
            args (argparse.Namespace): All options of the task.

        Returns:
            Options: Those of the trainer.

        Raises:
            ConfigError: If the new one is no integer >= 1.
        """
        check_integer(OPTION, getattr(args, OPTION), minimum=1)
        options: Options = build_dataclass(Options, args)
        return options

    @classmethod
    def run(cls, *arguments: Any, **options: Any) -> None:
        """Train as ESPnet2 does, but put a file in its place when it is complete.

        Args:
            *arguments (Any): ESPnet's own.
            **options (Any): ESPnet's own.
        """
        with whole_saves():
            super().run(*arguments, **options)

    @staticmethod
    def resume(checkpoint: str | Path, *, reporter: Reporter, **others: Any) -> None:
        """Go on from a checkpoint, and make sure that its epoch has a model file.

        Args:
            checkpoint (str | Path): The file.
            reporter (Reporter): What the epochs before are read into.
            **others (Any): ESPnet's own.
        """
        Trainer.resume(checkpoint, reporter=reporter, **others)
        distributed = torch.distributed
        if not distributed.is_initialized() or distributed.get_rank() == 0:
            save_model_of(Path(checkpoint), reporter.get_epoch())

    @classmethod
    def train_one_epoch(
        cls,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        reporter: SubReporter,
        options: TrainerOptions,
        **others: Any,
    ) -> bool:
        """Train as ESPnet2 does, with hooks on the sublayers and the optimizer.

        Args:
            model (nn.Module): The model, perhaps distributed.
            optimizers (Sequence[Optimizer]): Its optimizers.
            reporter (SubReporter): What the statistics go to.
            options (TrainerOptions): The options.
            **others (Any): ESPnet's own.

        Returns:
            bool: Whether no step was taken, as ESPnet2 returns it.

        Raises:
            ConfigError: If the model has no ``s4`` encoder or is split over devices
                by one process.
        """
        assert isinstance(options, Options)
        if isinstance(model, nn.DataParallel):
            raise ConfigError(
                OPTION,
                "with several GPUs, layer statistics need "
                "--multiprocessing_distributed true",
            )
        with ExitStack() as hooks:
            watch = Watch(model, batches=options.accum_grad)
            hooks.callback(watch.close)
            report = _Report(watch, reporter, options)
            hooks.enter_context(report.steps_of(optimizers[0]))
            are_all_invalid: bool = super().train_one_epoch(
                model=model,
                optimizers=optimizers,
                reporter=reporter,
                options=options,
                **others,
            )
        return are_all_invalid


class _Report:
    """Called before every step of an optimizer; reports those that are due."""

    def __init__(self, watch: Watch, reporter: SubReporter, options: Options) -> None:
        self.watch = watch
        self._reporter = reporter
        self._options = options
        self._steps = 0
        self._is_taken = False
        self._switch()

    @contextmanager
    def steps_of(self, optimizer: Optimizer) -> Iterator[None]:
        """Report the steps of an optimizer.

        ESPnet skips a step whose gradient is no number. What it calls even then,
        while the gradients are still there, is ``zero_grad``.
        """
        zero_grad = optimizer.zero_grad

        def end_step(*arguments: Any, **options: Any) -> None:
            self._end_step()
            zero_grad(*arguments, **options)

        hook = optimizer.register_step_pre_hook(self)
        setattr(optimizer, "zero_grad", end_step)
        try:
            yield
        finally:
            delattr(optimizer, "zero_grad")
            hook.remove()

    def __call__(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self.watch.is_on:
            self._reporter.register(self.watch.read(_add_up, self._clipped_by()))
        self._is_taken = True
        self._steps += 1
        self._switch()

    def _switch(self) -> None:
        self.watch.is_on = self._steps % self._options.layer_stats_every == 0

    def _end_step(self) -> None:
        if not self._is_taken:
            if self.watch.is_on:
                self._reporter.register(self.watch.read(_add_up))
            self.watch.is_on = True
        self._is_taken = False

    def _clipped_by(self) -> float:
        """Return what clipping has just multiplied the gradients by."""
        norm = self._reporter.stats["grad_norm"][-1].value
        # As in torch.nn.utils.clip_grad_norm_.
        return min(1.0, self._options.grad_clip / (norm + 1e-6))


class ASRTask(EspnetASRTask):
    """ESPnet2's ASR task with that trainer."""

    trainer = LayerStatsTrainer


def _add_up(sums: Tensor) -> Tensor:
    """Add up over all processes."""
    if torch.distributed.is_initialized():
        torch.distributed.all_reduce(sums)
    return sums
