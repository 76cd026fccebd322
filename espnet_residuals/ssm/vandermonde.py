"""Sums of powers of the eigenvalues, by two small tables and one matrix product."""

import math
from typing import Union

import torch
from torch import Tensor

# Length of a block. Any size works; 64 is near the square root of the lengths that
# speech has after subsampling, where the two tables together are smallest.
BLOCK = 64


def powers(
    log_abs: Tensor, angle: Tensor, exponents: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return powers of complex numbers.

    Phases reach 1e8 radians, so whole turns are taken off in the dtype of the
    arguments (float64 where the device has it), before the phase is rounded to
    ``dtype``.

    Args:
        log_abs (Tensor): Logarithm of the absolute value, (...).
        angle (Tensor): Argument in radians, (...).
        exponents (Tensor): Exponents; broadcast against the numbers.
        dtype (torch.dtype): Dtype of the result.

    Returns:
        tuple[Tensor, Tensor]: Real and imaginary parts.

    Examples:
        >>> half_turn = torch.tensor(torch.pi)
        >>> powers(0 * half_turn, half_turn, torch.arange(3.0), torch.float32)[0]
        tensor([ 1., -1.,  1.])
    """
    magnitude = (log_abs * exponents).to(dtype).exp()
    turns = angle / (2 * math.pi) * exponents
    phase = ((turns - turns.detach().round()) * (2 * math.pi)).to(dtype)
    return magnitude * phase.cos(), magnitude * phase.sin()


def power_sums(
    c_real: Tensor,
    c_imag: Tensor,
    log_abs: Tensor,
    angle: Tensor,
    n_blocks: Union[int, torch.SymInt],
) -> Tensor:
    r"""Return :math:`K_l = 2 \Re \sum_n c_n \bar A_n^l` for whole blocks of ``l``.

    With :math:`l = aM + b` the power splits into :math:`\bar A^{aM} \bar A^b`: a table
    over ``a`` and a table over ``b`` stand for all ``l``, and their product is a real
    matrix product.

    Args:
        c_real (Tensor): Real parts of :math:`c_n`, (channels, d_model, n_pairs).
        c_imag (Tensor): Imaginary parts of :math:`c_n`, shaped likewise.
        log_abs (Tensor): :math:`\log |\bar A_n|`, (d_model, n_pairs).
        angle (Tensor): :math:`\arg \bar A_n` in radians, (d_model, n_pairs).
        n_blocks (Union[int, torch.SymInt]): Number of blocks of ``BLOCK`` values.

    Returns:
        Tensor: The sums, (channels, d_model, n_blocks * BLOCK).
    """

    def exponents(count: Union[int, torch.SymInt]) -> Tensor:
        return torch.arange(count, dtype=log_abs.dtype, device=log_abs.device)

    dtype = c_real.dtype
    within = powers(log_abs.unsqueeze(-1), angle.unsqueeze(-1), exponents(BLOCK), dtype)
    starts = exponents(n_blocks).unsqueeze(-1) * BLOCK
    start_real, start_imag = powers(
        log_abs.unsqueeze(1), angle.unsqueeze(1), starts, dtype
    )
    c_real, c_imag = 2 * c_real.unsqueeze(2), 2 * c_imag.unsqueeze(2)
    rows_real = c_real * start_real - c_imag * start_imag
    rows_imag = c_real * start_imag + c_imag * start_real
    rows = torch.cat([rows_real, -rows_imag], dim=-1)
    columns = torch.cat(within, dim=1)
    return torch.stack([row @ columns for row in rows]).flatten(-2)
