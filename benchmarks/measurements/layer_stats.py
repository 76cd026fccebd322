"""What the statistics of every sublayer cost while a model trains."""

import inspect
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Iterator

from benchmarks import models
from benchmarks.clock import Clock, Step
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.result import Row, Sample, at_most

if TYPE_CHECKING:
    from lightning.pytorch.loggers import TensorBoardLogger

WITHOUT = "without"
D_STATE = 64


@dataclass(frozen=True)
class LayerStats(Measurement):
    """Forward and backward passes of the encoder, with and without statistics.

    The figure with the target is that of a mean step at the default interval: of all
    steps but one with the hooks off, and one with the hooks on and its numbers written
    to an event file. The batch is small, which makes the share of the statistics large.
    The optimizer's own step, which adds to both sides, is left out.

    Attributes:
        widths (tuple[int, ...]): Numbers of features.
        num_blocks (int): Number of blocks, of two sublayers each.
        batch (int): Number of sequences.
        length (int): Number of frames.
    """

    widths: tuple[int, ...] = (96, 256)
    num_blocks: int = 6
    batch: int = 2
    length: int = 200

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        from lightning.pytorch.loggers import TensorBoardLogger

        every = _default_interval()
        for width in self.widths:
            with TemporaryDirectory() as folder:
                logger = TensorBoardLogger(folder)
                took = clock.compare(self._steps(width, logger))
                # Its thread writes until then.
                logger.finalize("success")
            mean = [
                ((every - 1) * off + on) / every
                for off, on in zip(took["off"].values, took[OURS].values)
            ]
            what = f"encoder of {2 * self.num_blocks} sublayers with LayerStats"
            for part, sample, target in (
                (f"one step in {every} measured", Sample(OURS, mean), at_most(1.03)),
                ("a measured step", took[OURS], at_most()),
            ):
                yield time_row(
                    f"{what}, {part}", sample, took[WITHOUT], target, d=width
                )

    def _steps(self, width: int, logger: "TensorBoardLogger") -> dict[str, Step]:
        """Return a step of one encoder without hooks, with hooks off, and measured."""
        from espnet_residuals.instruments.following.watch import Watch

        encoder = models.s4_encoder(
            output_size=width,
            num_blocks=self.num_blocks,
            layer=models.s4_block(D_STATE),
            residual="decay",
        )
        step = models.encoder_step(
            lambda output_size: encoder, {"output_size": width}, self.batch, self.length
        )

        def off() -> None:
            watch = Watch(encoder)
            step()
            watch.close()

        def on() -> None:
            watch = Watch(encoder)
            watch.is_on = True
            step()
            logger.log_metrics(watch.read(), step=0)
            watch.close()

        return {WITHOUT: step, "off": off, OURS: on}


def _default_interval() -> int:
    from espnet_residuals.callbacks import LayerStats as Callback

    default: int = inspect.signature(Callback).parameters["every"].default
    return default
