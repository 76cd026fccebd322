"""DecayResidual beside ESPnet's, and beside a plain addition."""

from dataclasses import dataclass
from typing import Iterator

import torch
from torch import Tensor

from benchmarks.clock import Clock, Step
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.result import Row, at_most

FORWARD_TARGETS = {True: at_most(1.75), False: at_most(1.15)}


@dataclass(frozen=True)
class Decay(Measurement):
    """The residual function that the package is named for.

    Attributes:
        shape (tuple[int, int, int]): Batch, length, features.
    """

    shape: tuple[int, int, int] = (16, 500, 512)

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times of both forms of the function."""
        from espnet2.asr.state_spaces.residual import DecayResidual as EspnetDecay

        from espnet_residuals import DecayResidual

        x, y = torch.randn(self.shape), torch.randn(self.shape)
        for l2 in (True, False):
            ours = DecayResidual(3, self.shape[-1], self.shape[-1], l2=l2)
            theirs = EspnetDecay(3, self.shape[-1], self.shape[-1], l2=l2)
            what = f"DecayResidual (l2={l2})"

            both = clock.compare(
                {
                    OURS: _training_step(lambda x, y: ours(x, y), x, y),
                    "ESPnet": _training_step(lambda x, y: theirs(x, y, False), x, y),
                }
            )
            yield time_row(
                f"{what}, forward + backward",
                both[OURS],
                both["ESPnet"],
                at_most(),  # two multiplications back in both
            )

            compiled = torch.compile(ours)
            compiled(x, y)
            forward = clock.compare(
                {
                    OURS: lambda: ours(x, y),
                    "compiled": lambda: compiled(x, y),
                    "torch.add": lambda: torch.add(x, y),
                }
            )
            add = forward["torch.add"]
            yield time_row(f"{what}, forward", forward[OURS], add, FORWARD_TARGETS[l2])
            yield time_row(
                f"{what}, forward, compiled", forward["compiled"], add, at_most(1.15)
            )


def _training_step(residual: object, x: Tensor, y: Tensor) -> Step:
    """Return a forward and backward pass."""
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    gradient = torch.randn_like(x)

    def step() -> None:
        torch.autograd.grad(residual(x, y), (x, y), gradient)  # type: ignore[operator]

    return step
