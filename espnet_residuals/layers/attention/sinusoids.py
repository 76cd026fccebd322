"""Frequencies of sinusoidal positions, and their waves at any distance."""

from typing import Any

import torch
from torch import Tensor

BASE = 10000.0
BLOCK = 64


def frequencies(size: int, device: Any = None) -> Tensor:
    r"""Return the frequencies of sinusoidal positions, in radians per frame.

    Vaswani et al., "Attention Is All You Need" (NeurIPS 2017,
    https://arxiv.org/abs/1706.03762), section 3.5: :math:`10000^{-2i / size}`.

    Args:
        size (int): Number of features, even: a sine and a cosine each.
        device (Any): Device of the result.

    Returns:
        Tensor: Frequencies, (size / 2,), float64 where the device has it.

    Examples:
        >>> frequencies(4)
        tensor([1.0000, 0.0100], dtype=torch.float64)
    """
    exponents = torch.arange(0, size, 2, device=device, dtype=_widest(device)) / size
    return BASE**-exponents


def waves(
    first: int, step: int, count: int, size: int, dtype: torch.dtype, device: Any = None
) -> tuple[Tensor, Tensor]:
    """Return sines and cosines of a row of positions, exact however far they are.

    Phases are computed in float64, for the first position of every block and for the
    steps within one; the angle sum identities join the two.

    Args:
        first (int): First position.
        step (int): From one position to the next.
        count (int): Number of positions.
        size (int): Number of features, even.
        dtype (torch.dtype): Dtype of the result; at least float32 is used.
        device (Any): Device of the result.

    Returns:
        tuple[Tensor, Tensor]: Sines and cosines, each (count, size / 2).

    Examples:
        >>> sines, cosines = waves(1, -1, 3, 2, torch.float32)
        >>> sines.T, cosines.T
        (tensor([[ 0.8415,  0.0000, -0.8415]]), tensor([[0.5403, 1.0000, 0.5403]]))
    """
    omega = frequencies(size, device)
    dtype = torch.promote_types(dtype, torch.float32)
    # At least two, so that a compiled graph for many serves few as well.
    n_blocks = torch.sym_max(2, (count + BLOCK - 1) // BLOCK)
    coarse = first + step * BLOCK * torch.arange(n_blocks, device=device)
    fine = step * torch.arange(BLOCK, device=device)
    s, c = _sine_and_cosine(coarse[:, None, None] * omega, dtype)
    t, d = _sine_and_cosine(fine[:, None] * omega, dtype)
    sines, cosines = s * d + c * t, c * d - s * t
    return sines.flatten(0, 1)[:count], cosines.flatten(0, 1)[:count]


def _sine_and_cosine(phases: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return phases.sin().to(dtype), phases.cos().to(dtype)


def _widest(device: Any) -> torch.dtype:
    is_mps = device is not None and torch.device(device).type == "mps"
    return torch.float32 if is_mps else torch.float64
