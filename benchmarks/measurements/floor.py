"""A training step beside the matrix products and transforms it cannot avoid."""

from dataclasses import dataclass
from typing import Iterator

import torch

from benchmarks import models
from benchmarks.clock import Clock, Step
from benchmarks.measurement import OURS, Measurement, time_row
from benchmarks.result import Row, at_most

D_MODEL, D_STATE, NUM_BLOCKS, EXPAND = 256, 64, 4, 4


@dataclass(frozen=True)
class Floor(Measurement):
    """Our stack against its bare products and Fourier transforms, timed alone.

    Attributes:
        cases (tuple[tuple[int, int], ...]): Frames and sequences.
    """

    cases: tuple[tuple[int, int], ...] = ((500, 4), (2000, 4))

    def times(self, clock: Clock) -> Iterator[Row]:
        """Compare the times."""
        options = {"d_model": D_MODEL, "num_blocks": NUM_BLOCKS, "d_state": D_STATE}
        for length, batch in self.cases:
            took = clock.compare(
                {
                    OURS: models.stack_step(models.s4_stack, options, batch, length),
                    "products and FFTs": bare_step(batch, length),
                }
            )
            yield time_row(
                "4 blocks, forward + backward, beside its products and FFTs",
                took[OURS],
                took["products and FFTs"],
                at_most(1.35),
                T=length,
                B=batch,
            )


def bare_step(batch: int, length: int) -> Step:
    """Return what a step of the stack cannot avoid, and nothing else.

    Each linear map is one product forward and two backward. Each convolution is a
    transform of the input, of the kernel and of the result, and three more backward.
    Each kernel is one product of its two tables forward and two backward.
    """
    rows = batch * length
    maps = [
        (torch.randn(rows, d_in), torch.randn(d_out, d_in), torch.randn(rows, d_out))
        for d_in, d_out in (
            (D_MODEL, 2 * D_MODEL),
            (D_MODEL, EXPAND * D_MODEL),
            (EXPAND * D_MODEL, D_MODEL),
        )
    ]
    size = 2 * 64 * -(-length // 64)
    u, circular = torch.randn(batch, D_MODEL, length), torch.randn(D_MODEL, size)
    spectrum = torch.fft.rfft(u, n=size)
    kernel_spectrum = torch.fft.rfft(circular)
    tables = torch.randn(D_MODEL, size // 128, D_STATE), torch.randn(
        D_MODEL, D_STATE, 64
    )
    kernel = tables[0] @ tables[1]

    def block() -> None:
        for x, weight, gradient in maps:
            x @ weight.T
            gradient @ weight
            gradient.T @ x
        torch.fft.rfft(u, n=size)
        torch.fft.rfft(circular)
        torch.fft.irfft(spectrum, n=size)
        torch.fft.rfft(u, n=size)
        torch.fft.irfft(kernel_spectrum, n=size)
        torch.fft.irfft(spectrum, n=size)
        for _ in range(2):  # the two directions
            tables[0] @ tables[1]
            kernel @ tables[1].transpose(1, 2)
            tables[0].transpose(1, 2) @ kernel

    def step() -> None:
        for _ in range(NUM_BLOCKS):
            block()

    return step
