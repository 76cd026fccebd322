"""Frequencies of sinusoidal positions, and their phases at any distance."""

from typing import Any

import torch
from torch import Tensor

BASE = 10000.0


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


def phases(positions: Tensor, size: int) -> Tensor:
    """Return the phases of whole positions, exact to rounding however far they are.

    Args:
        positions (Tensor): Positions in frames, (length,), integers.
        size (int): Number of features, even.

    Returns:
        Tensor: Phases in radians, (length, size / 2), float64 where the device has it.

    Examples:
        >>> phases(torch.tensor([0, 100]), 4)
        tensor([[  0.,   0.],
                [100.,   1.]], dtype=torch.float64)
    """
    own = frequencies(size, positions.device)
    return positions.to(own.dtype).unsqueeze(-1) * own


def _widest(device: Any) -> torch.dtype:
    is_mps = device is not None and torch.device(device).type == "mps"
    return torch.float32 if is_mps else torch.float64
