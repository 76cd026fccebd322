"""Sums of powers of the eigenvalues, by two small tables and one matrix product."""

import torch
from torch import Tensor

# Length of a block. Any size works; 64 is near the square root of the lengths that
# speech has after subsampling, where the two tables together are smallest.
BLOCK = 64


def powers(log_abs: Tensor, angle: Tensor, exponents: Tensor) -> Tensor:
    """Return powers of complex numbers, real parts over imaginary parts.

    Args:
        log_abs (Tensor): Logarithm of the absolute value, (d_model, n_pairs).
        angle (Tensor): Argument in radians, (d_model, n_pairs).
        exponents (Tensor): Exponents, (count,).

    Returns:
        Tensor: The powers, (d_model, 2 * n_pairs, count).

    Examples:
        >>> half_turn = torch.tensor([[torch.pi]])
        >>> powers(0 * half_turn, half_turn, torch.arange(3.0))[:, 0]
        tensor([[ 1., -1.,  1.]])
    """
    magnitude = (log_abs.unsqueeze(-1) * exponents).exp()
    phase = angle.unsqueeze(-1) * exponents
    return torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], dim=-2)


def power_sums(
    coefficients: Tensor, log_abs: Tensor, angle: Tensor, n_blocks: int
) -> Tensor:
    r"""Return :math:`K_l = 2 \Re \sum_n c_n \bar A_n^l` for whole blocks of ``l``.

    With :math:`l = aM + b` the power splits into :math:`\bar A^{aM} \bar A^b`: a table
    over ``a`` and a table over ``b`` stand for all ``l``, and their product is a real
    matrix product. Phases reach 1e8 radians, so the tables are formed in the dtype of
    ``log_abs`` (float64 where the device has it), the product in that of
    ``coefficients``.

    Args:
        coefficients (Tensor): :math:`c_n`, real parts before imaginary parts,
            (channels, d_model, 2 * n_pairs).
        log_abs (Tensor): :math:`\log |\bar A_n|`, (d_model, n_pairs).
        angle (Tensor): :math:`\arg \bar A_n` in radians, (d_model, n_pairs).
        n_blocks (int): Number of blocks of ``BLOCK`` values.

    Returns:
        Tensor: The sums, (channels, d_model, n_blocks * BLOCK).
    """
    channels, d_model, _ = coefficients.shape
    exponents = torch.arange(BLOCK, dtype=log_abs.dtype, device=log_abs.device)
    starts = torch.arange(n_blocks, dtype=log_abs.dtype, device=log_abs.device) * BLOCK
    within = powers(log_abs, angle, exponents).to(coefficients.dtype)
    across = powers(log_abs, angle, starts).to(coefficients.dtype)

    c_real, c_imag = coefficients.transpose(0, 1).unsqueeze(-1).chunk(2, dim=-2)
    p_real, p_imag = across.unsqueeze(1).chunk(2, dim=-2)
    scaled_real = c_real * p_real - c_imag * p_imag
    scaled_imag = c_real * p_imag + c_imag * p_real
    rows = torch.cat([2 * scaled_real, -2 * scaled_imag], dim=-2).transpose(-1, -2)
    sums = rows.reshape(d_model, channels * n_blocks, -1) @ within
    return sums.view(d_model, channels, -1).transpose(0, 1)
