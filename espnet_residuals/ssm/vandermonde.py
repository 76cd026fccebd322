"""Sums of powers of the eigenvalues, by two small tables and one matrix product."""

import math
from typing import Any, Union

import torch
from torch import Tensor

from espnet_residuals.nn.transformed import is_transformed

# Length of a block in graphs for every length. Any size works; near the square root of
# the length the two tables together are smallest.
BLOCK = 64


def block_size(length: Union[int, torch.SymInt]) -> int:
    """Return the length of the blocks that a kernel is made of.

    Args:
        length (Union[int, torch.SymInt]): Number of values.

    Returns:
        int: Length of a block.

    Examples:
        >>> block_size(500), block_size(2000)
        (32, 64)
    """
    if torch.compiler.is_compiling():
        return BLOCK
    return 32 if length <= 1024 else 64 if length <= 4096 else 128


def whole_blocks(length: int) -> Union[int, torch.SymInt]:
    """Round a length up to whole blocks.

    At least two, so that a compiled graph for many blocks serves few as well. In an
    exported graph a power of two: onnxruntime's FFT is exact to 1e-5 at those sizes,
    to 1e-3 at others.

    Args:
        length (int): Number of values.

    Returns:
        Union[int, torch.SymInt]: The next multiple of :func:`block_size`.

    Examples:
        >>> whole_blocks(500)
        512
    """
    block = block_size(length)
    needed = torch.sym_max(2, (length + block - 1) // block)
    if not torch.compiler.is_exporting():
        return needed * block
    n_blocks = 2
    for power in (2**exponent for exponent in range(1, 16)):
        n_blocks = n_blocks + power * torch.sym_min(1, torch.sym_max(0, needed - power))
    return n_blocks * block


def powers(
    log_abs: Tensor, angle: Tensor, exponents: Tensor, dtype: torch.dtype
) -> Tensor:
    """Return a table of powers of complex numbers.

    Phases reach 1e8 radians, so whole turns are taken off in the dtype of the
    arguments (float64 where the device has it), before the phase is rounded to
    ``dtype``.

    Args:
        log_abs (Tensor): Logarithm of the absolute value, (d_model, n_pairs).
        angle (Tensor): Argument in radians, (d_model, n_pairs).
        exponents (Tensor): Exponents, (count,).
        dtype (torch.dtype): Dtype of the result.

    Returns:
        Tensor: Real and imaginary parts, (d_model, 2, n_pairs, count).

    Examples:
        >>> half_turn = torch.full((1, 1), torch.pi)
        >>> powers(0 * half_turn, half_turn, torch.arange(3.0), torch.float32)[0, 0]
        tensor([[ 1., -1.,  1.]])
    """
    if is_transformed():
        return _powers(log_abs, angle, exponents, dtype)
    table: Tensor = _Powers.apply(log_abs, angle, exponents, dtype)
    return table


def _powers(
    log_abs: Tensor, angle: Tensor, exponents: Tensor, dtype: torch.dtype
) -> Tensor:
    magnitude = (log_abs.unsqueeze(-1) * exponents).to(dtype).exp()
    turns = (angle / (2 * math.pi)).unsqueeze(-1) * exponents
    phase = (turns - turns.detach().round()).to(dtype) * (2 * math.pi)
    return torch.stack([magnitude * phase.cos(), magnitude * phase.sin()], dim=1)


class _Powers(torch.autograd.Function):
    """The table, which is all that its gradient needs.

    The derivative of z^l by log z is l z^l.
    """

    @staticmethod
    def forward(
        ctx: Any,
        log_abs: Tensor,
        angle: Tensor,
        exponents: Tensor,
        dtype: torch.dtype,
    ) -> Tensor:
        table = _powers(log_abs, angle, exponents, dtype)
        ctx.save_for_backward(table, exponents.to(dtype))
        ctx.dtype = log_abs.dtype
        return table

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        table, exponents = ctx.saved_tensors
        real, imag = table.unbind(1)
        by_real, by_imag = gradient.unbind(1)
        of_log_abs = (by_real * real + by_imag * imag) @ exponents
        of_angle = (by_imag * real - by_real * imag) @ exponents
        return of_log_abs.to(ctx.dtype), of_angle.to(ctx.dtype), None, None


def power_sums(
    c_real: Tensor,
    c_imag: Tensor,
    log_abs: Tensor,
    angle: Tensor,
    length: Union[int, torch.SymInt],
) -> Tensor:
    r"""Return :math:`K_l = 2 \Re \sum_n c_n \bar A_n^l`.

    With :math:`l = aM + b` the power splits into :math:`\bar A^{aM} \bar A^b`: a table
    over ``a`` and a table over ``b`` stand for all ``l``, and their product is a real
    matrix product.

    Args:
        c_real (Tensor): Real parts of :math:`c_n`, (channels, d_model, n_pairs).
        c_imag (Tensor): Imaginary parts of :math:`c_n`, shaped likewise.
        log_abs (Tensor): :math:`\log |\bar A_n|`, (d_model, n_pairs).
        angle (Tensor): :math:`\arg \bar A_n` in radians, (d_model, n_pairs).
        length (Union[int, torch.SymInt]): Number of values, in :func:`whole_blocks`.

    Returns:
        Tensor: The sums, (channels, d_model, length).
    """

    def exponents(count: Union[int, torch.SymInt]) -> Tensor:
        return torch.arange(count, dtype=log_abs.dtype, device=log_abs.device)

    block, dtype = block_size(length), c_real.dtype
    within = powers(log_abs, angle, exponents(block), dtype)
    starts = powers(log_abs, angle, exponents(length // block) * block, dtype)
    start_real, start_imag = starts.unbind(1)
    c_real, c_imag = 2 * c_real.unsqueeze(-1), 2 * c_imag.unsqueeze(-1)
    rows_real = c_real * start_real - c_imag * start_imag
    rows_imag = c_real * start_imag + c_imag * start_real
    rows = torch.cat([rows_real, -rows_imag], dim=2).transpose(2, 3)
    columns = within.flatten(1, 2)
    return torch.stack([row @ columns for row in rows]).flatten(2)
