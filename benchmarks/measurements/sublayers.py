"""The layers beside ESPnet's, and beside the products that they cannot avoid."""

from dataclasses import dataclass
from functools import partial
from typing import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.clock import Clock, Step
from benchmarks.measurement import (
    OURS,
    Measurement,
    measure_peak,
    memory_row,
    time_row,
)
from benchmarks.models import training_step
from benchmarks.products import bare_products
from benchmarks.result import Row, Target, at_least, at_most

D_MODEL = 256
HEADS = 4
KERNEL = 31


class EspnetAttention(nn.Module):
    """ESPnet's self-attention with relative positions, as its Conformer calls it."""

    def __init__(self) -> None:
        from espnet2.legacy.nets.pytorch_backend.transformer.attention import (
            RelPositionMultiHeadedAttention,
        )
        from espnet2.legacy.nets.pytorch_backend.transformer.embedding import (
            RelPositionalEncoding,
        )

        super().__init__()
        self.positions = RelPositionalEncoding(D_MODEL, 0.0)
        self.attention = RelPositionMultiHeadedAttention(HEADS, D_MODEL, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Attend from every frame to every frame."""
        y: Tensor = self.attention(x, x, x, self.positions(x)[1], None)
        return y


def espnet_convolution() -> nn.Module:
    """Return ESPnet's convolution module."""
    from espnet2.legacy.nets.pytorch_backend.conformer.convolution import (
        ConvolutionModule,
    )

    module: nn.Module = ConvolutionModule(D_MODEL, KERNEL)
    return module


def ours(name: str, **options: int) -> nn.Module:
    """Return a layer of ours."""
    from espnet_residuals.layers import build_layer

    return build_layer({"_name_": name, **options}, D_MODEL)


Build = Callable[[], nn.Module]

# What was done, ours, the other, its name, and what the comparison should give.
PAIRS: tuple[tuple[str, Build, Build, str, Target], ...] = (
    (
        "conv",
        partial(ours, "conv", kernel=KERNEL),
        espnet_convolution,
        "ESPnet",
        at_least(1.0),
    ),
    (
        "mha",
        partial(ours, "mha", n_head=HEADS),
        EspnetAttention,
        "ESPnet",
        at_least(1.0),
    ),
    ("mamba2", partial(ours, "mamba2"), partial(ours, "s4d"), "s4d", at_least()),
)

# The layers that are held against their own products.
LAYERS = ("s4d", "ff", "conv", "mha", "mamba2")
PRODUCTS = "its products and transforms"


@dataclass(frozen=True)
class Sublayers(Measurement):
    """One layer, forward and backward, without dropout.

    Attributes:
        lengths (tuple[int, ...]): Numbers of frames.
        batch (int): Number of sequences.
    """

    lengths: tuple[int, ...] = (500, 2000)
    batch: int = 2

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        for length in self.lengths:
            for what, build, build_other, name, target in PAIRS:
                took = clock.compare(
                    {
                        OURS: self._step(build, length),
                        name: self._step(build_other, length),
                    }
                )
                yield time_row(
                    f"one layer `{what}`, forward + backward",
                    took[OURS],
                    took[name],
                    target,
                    T=length,
                    B=self.batch,
                )
            yield from self._beside_products(clock, length)

    def _beside_products(self, clock: Clock, length: int) -> Iterator[Row]:
        for what in LAYERS:
            step = self._step(partial(ours, what), length)
            took = clock.compare({OURS: step, PRODUCTS: bare_products(step)})
            yield time_row(
                f"one layer `{what}`, forward + backward, beside its products",
                took[OURS],
                took[PRODUCTS],
                at_most(1.5),
                T=length,
                B=self.batch,
            )

    def once(self, clock: Clock) -> Iterator[Row]:
        """Compare the peak memory."""
        for length in self.lengths:
            for what, build, build_other, name, target in PAIRS:
                yield memory_row(
                    f"one layer `{what}`, forward + backward",
                    measure_peak(OURS, partial(self._step, build), length),
                    measure_peak(name, partial(self._step, build_other), length),
                    target,
                    T=length,
                    B=self.batch,
                )

    def _step(self, build: Build, length: int) -> Step:
        x = torch.randn(self.batch, length, D_MODEL, requires_grad=True)
        return training_step(build().train(), (x,), D_MODEL)
