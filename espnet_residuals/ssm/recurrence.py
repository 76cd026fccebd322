"""A diagonal state-space model on the next few frames, by real products."""

from typing import NamedTuple

import torch
from torch import Tensor

from espnet_residuals.ssm.discretization import Step
from espnet_residuals.ssm.vandermonde import powers
from espnet_residuals.transformed import is_transformed

# Frames that are processed at a time. The tables and the time per frame grow with it;
# with fewer, calls take more time than what they compute.
PIECE = 16
# Up to so many products of each feature, plain operations take less time than a matrix
# product for each feature, whose factors have to be laid out anew.
FEW_PRODUCTS = 2**14


class Recurrence(NamedTuple):
    r"""The recurrence :math:`s' = \bar A s + u`, :math:`y = 2 \Re \sum_n c_n s'_n`.

    A state holds the real parts of all pairs, then their imaginary parts.

    Attributes:
        powers (Tensor): :math:`\bar A^l` for l from 0 to ``PIECE``, (PIECE + 1,
            d_state, d_model), real parts first.
        response (Tensor): How much of the state before a piece, and of each of its
            frames, output l receives, (PIECE, d_state + PIECE, d_model).
    """

    powers: Tensor
    response: Tensor

    def advance(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Process the next frames.

        Args:
            u (Tensor): Next frames, (batch, length, d_model), at most ``PIECE``.
            state (Tensor): State before them, (batch, d_state, d_model).

        Returns:
            tuple[Tensor, Tensor]: Output, (batch, length, d_model), and the state
            behind the frames.
        """
        length = u.size(1)
        seen = torch.cat([state, u], dim=1)
        y = _weigh(seen, self.response[:length, : seen.size(1)])
        gained = _weigh(u.flip(1), self.powers[:length].transpose(0, 1))
        return y, _add_product(gained, self.powers[length], state)


def make_recurrence(
    step: Step, c_real: Tensor, c_imag: Tensor, dtype: torch.dtype
) -> Recurrence:
    r"""Return the tables of the recurrence.

    Args:
        step (Step): One step of the states.
        c_real (Tensor): Real parts of :math:`c_n`, (d_model, n_pairs).
        c_imag (Tensor): Imaginary parts of :math:`c_n`.
        dtype (torch.dtype): Dtype of the tables.

    Returns:
        Recurrence: The tables.

    Examples:
        >>> half, one = torch.full((1, 1), 0.5), torch.ones(1, 1)
        >>> step = Step(half.log(), 0 * half, one, 0 * one)
        >>> tables = make_recurrence(step, half, 0 * half, torch.float32)
        >>> y, state = tables.advance(torch.ones(1, 3, 1), torch.zeros(1, 2, 1))
        >>> y.flatten(), state.flatten()
        (tensor([1.0000, 1.5000, 1.7500]), tensor([1.7500, 0.0000]))
    """
    wide = step.angle.dtype
    exponents = torch.arange(PIECE + 1, dtype=wide, device=step.angle.device)
    real, imag = powers(step.log_abs, step.angle, exponents, wide).permute(1, 3, 2, 0)
    c_real, c_imag = 2 * c_real.to(wide).T, 2 * c_imag.to(wide).T
    from_real = c_real * real - c_imag * imag
    from_imag = -(c_real * imag + c_imag * real)
    echo = torch.cat([from_real, from_imag], dim=1)[1:]
    kernel = from_real.sum(dim=1)[:PIECE]
    frames = torch.arange(PIECE, device=kernel.device)
    lags = frames.unsqueeze(-1) - frames
    own = kernel[lags.clamp(min=0)].masked_fill((lags < 0).unsqueeze(-1), 0.0)
    return Recurrence(
        torch.cat([real, imag], dim=1).to(dtype).contiguous(),
        torch.cat([echo, own], dim=1).to(dtype).contiguous(),
    )


def _weigh(x: Tensor, weights: Tensor) -> Tensor:
    """Sum (batch, k, d_model) by weights (n, k, d_model), to (batch, n, d_model)."""
    batch, k, _ = x.shape
    if not is_transformed() and batch * k * weights.size(0) <= FEW_PRODUCTS:
        return (x.unsqueeze(1) * weights).sum(dim=2)
    return torch.einsum("bkh,nkh->bnh", x, weights)


def _add_product(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return x + a * b, complex, (..., d_state, d_model), real parts first."""
    (x_real, x_imag), (a_real, a_imag), (b_real, b_imag) = (
        part.chunk(2, dim=-2) for part in (x, a, b)
    )
    real = torch.addcmul(
        torch.addcmul(x_real, a_real, b_real), a_imag, b_imag, value=-1
    )
    imag = torch.addcmul(torch.addcmul(x_imag, a_real, b_imag), a_imag, b_real)
    return torch.cat([real, imag], dim=-2)
