"""The convolution kernel of a bidirectional layer, forward and backward."""

from dataclasses import dataclass
from functools import partial
from typing import Iterator

import torch

from benchmarks.clock import Clock, Step
from benchmarks.measurement import (
    OURS,
    Measurement,
    measure_peak,
    memory_row,
    time_row,
)
from benchmarks.result import Row, at_least

WHAT = "S4D kernel, forward + backward"
ESPNET = "ESPnet log_vandermonde"

TIME = {500: at_least(10), 2000: at_least(30), 8000: at_least(45)}
MEMORY = {500: at_least(7), 2000: at_least(10), 8000: at_least(14)}


@dataclass(frozen=True)
class Kernel(Measurement):
    """Our kernel against ESPnet's, with two channels.

    Attributes:
        lengths (tuple[int, ...]): Lengths of the kernel.
        d_model (int): Number of features.
        d_state (int): Size of the state, twice the number of pairs.
    """

    lengths: tuple[int, ...] = (500, 2000, 8000)
    d_model: int = 256
    d_state: int = 64

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        ours = partial(our_step, self.d_model, self.d_state)
        espnet = partial(espnet_step, self.d_model, self.d_state)
        for length in self.lengths:
            took = clock.compare({OURS: ours(length), ESPNET: espnet(length)})
            target = TIME.get(length, at_least())
            yield time_row(WHAT, took[OURS], took[ESPNET], target, L=length)

    def once(self, clock: Clock) -> Iterator[Row]:
        """Compare the peaks of memory."""
        for length in self.lengths:
            yield memory_row(
                WHAT,
                measure_peak(
                    OURS, partial(our_step, self.d_model, self.d_state), length
                ),
                measure_peak(
                    ESPNET, partial(espnet_step, self.d_model, self.d_state), length
                ),
                MEMORY.get(length, at_least()),
                L=length,
            )


def our_step(d_model: int, d_state: int, length: int) -> Step:
    """Return a forward and backward pass of our kernel."""
    from espnet_residuals.ssm.kernel import S4DKernel

    kernel = S4DKernel(d_model, d_state, channels=2)
    gradient = torch.randn(2, d_model, length)

    def step() -> None:
        kernel.zero_grad(set_to_none=True)
        kernel(length)[..., :length].backward(gradient)

    return step


def espnet_step(d_model: int, d_state: int, length: int) -> Step:
    """Return a forward and backward pass of ESPnet's kernel."""
    from espnet2.asr.state_spaces.s4 import SSKernel

    kernel = SSKernel(
        d_model, N=d_state, channels=2, mode="diag", measure="diag-lin", disc="zoh"
    )
    gradient = torch.randn(2, d_model, length)

    def step() -> None:
        kernel.zero_grad(set_to_none=True)
        kernel(L=length, rate=1.0)[0].backward(gradient)

    return step
