"""A diagonal state-space model on the next few frames, by real products."""

from typing import NamedTuple

import torch
from torch import Tensor

from espnet_residuals.nn.transformed import is_transformed
from espnet_residuals.ssm.discretization import Step
from espnet_residuals.ssm.vandermonde import powers

# Frames that are processed at a time. The tables and the time per frame grow with it;
# with fewer, calls take more time than what they compute.
PIECE = 16
# Up to so many products of each feature, plain operations take less time than a matrix
# product for each feature, whose factors have to be laid out anew.
FEW_PRODUCTS = 2**14


class Piece(NamedTuple):
    r"""The recurrence over a fixed number of frames.

    A state holds the real parts of all pairs, then their imaginary parts.

    Attributes:
        response (Tensor): What each output receives of the state before the piece and
            of each of its frames, (length, d_state + length, d_model).
        gain (Tensor): What the state receives of each frame, (d_state, length,
            d_model).
        kept (Tensor): What each part of the state keeps of itself, (d_state, d_model).
        crossed (Tensor): What it receives of the other part of its pair, likewise.
    """

    response: Tensor
    gain: Tensor
    kept: Tensor
    crossed: Tensor

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Process the frames.

        Args:
            u (Tensor): Frames, (batch, length, d_model).
            state (Tensor): State before them, (batch, d_state, d_model).

        Returns:
            tuple[Tensor, Tensor]: Output, (batch, length, d_model), and the state
            behind the frames.
        """
        y = _weigh(torch.cat([state, u], dim=1), self.response)
        others = state.roll(state.size(1) // 2, 1)
        behind = torch.addcmul(_weigh(u, self.gain), self.kept, state)
        return y, torch.addcmul(behind, self.crossed, others)


class Recurrence:
    r"""Tables of :math:`s' = \bar A s + u`, :math:`y = 2 \Re \sum_n c_n s'_n`.

    Pieces are parts of the tables, which stay as they are.

    Args:
        step (Step): One step of the states.
        c_real (Tensor): Real parts of :math:`c_n`, (d_model, n_pairs).
        c_imag (Tensor): Imaginary parts of :math:`c_n`.
        dtype (torch.dtype): Dtype of the tables.

    Examples:
        >>> half, one = torch.full((1, 1), 0.5), torch.ones(1, 1)
        >>> step = Step(half.log(), 0 * half, one, 0 * one)
        >>> recurrence = Recurrence(step, half, 0 * half, torch.float32)
        >>> u, state = torch.ones(1, 3, 1), torch.zeros(1, 2, 1)
        >>> y, state = recurrence.piece(3).advance(u, state)
        >>> y.flatten(), state.flatten()
        (tensor([1.0000, 1.5000, 1.7500]), tensor([1.7500, 0.0000]))
    """

    def __init__(
        self, step: Step, c_real: Tensor, c_imag: Tensor, dtype: torch.dtype
    ) -> None:
        wide = step.angle.dtype
        exponents = torch.arange(PIECE + 1, dtype=wide, device=step.angle.device)
        table = powers(step.log_abs, step.angle, exponents, wide)
        real, imag = table.permute(1, 3, 2, 0)
        c_real, c_imag = 2 * c_real.to(wide).T, 2 * c_imag.to(wide).T
        from_real = c_real * real - c_imag * imag
        from_imag = -(c_real * imag + c_imag * real)
        echo = torch.cat([from_real, from_imag], dim=1)[1:]
        own = _lower_triangle(from_real.sum(dim=1)[:PIECE])

        def laid_out(x: Tensor) -> Tensor:
            return x.to(dtype).contiguous()

        self._response = laid_out(torch.cat([echo, own], dim=1))
        gain = torch.cat([real, imag], dim=1)[:PIECE].flip(0)
        self._gain = laid_out(gain.transpose(0, 1))
        self._kept = laid_out(torch.cat([real, real], dim=1))
        self._crossed = laid_out(torch.cat([-imag, imag], dim=1))
        self._pieces: dict[int, Piece] = {}

    def piece(self, length: int) -> Piece:
        """Return the recurrence over so many frames.

        Args:
            length (int): Number of frames, from 1 to ``PIECE``.

        Returns:
            Piece: Views of the tables.
        """
        if length not in self._pieces:
            d_state = self._gain.size(0)
            self._pieces[length] = Piece(
                self._response[:length, : d_state + length],
                self._gain[:, PIECE - length :],
                self._kept[length],
                self._crossed[length],
            )
        return self._pieces[length]


def _lower_triangle(kernel: Tensor) -> Tensor:
    """Lay out a kernel, (n, d_model), by output and input, (n, n, d_model)."""
    frames = torch.arange(kernel.size(0), device=kernel.device)
    lags = frames.unsqueeze(-1) - frames
    return kernel[lags.clamp(min=0)].masked_fill((lags < 0).unsqueeze(-1), 0.0)


def _weigh(x: Tensor, weights: Tensor) -> Tensor:
    """Sum (batch, k, d_model) by weights (n, k, d_model), to (batch, n, d_model)."""
    batch, k, _ = x.shape
    if not is_transformed() and batch * k * weights.size(0) <= FEW_PRODUCTS:
        return (x.unsqueeze(1) * weights).sum(dim=2)
    return torch.einsum("bkh,nkh->bnh", x, weights)
