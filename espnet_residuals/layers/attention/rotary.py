"""Rotary positions: queries and keys turn with their frame."""

import torch
from torch import Tensor

from espnet_residuals.layers.attention.sinusoids import waves


def rotate(x: Tensor, first: int = 0) -> Tensor:
    """Turn every pair of features by the angle of its frame.

    Su et al., "RoFormer" (2021, https://arxiv.org/abs/2104.09864), section 3.4.2. The
    product of a query and a key depends on the distance of their frames alone. Feature
    i makes a pair with feature i + d_k / 2.

    Args:
        x (Tensor): Queries or keys, (..., length, d_k).
        first (int): Position of the first frame.

    Returns:
        Tensor: The same, turned, (..., length, d_k).

    Examples:
        >>> rotate(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
        tensor([[1.0000, 0.0000],
                [0.5403, 0.8415]])
    """
    sin, cos = waves(first, 1, x.size(-2), x.size(-1), x.dtype, x.device)
    one, two = x.chunk(2, dim=-1)
    turned = torch.cat((one * cos - two * sin, two * cos + one * sin), dim=-1)
    return turned.to(x.dtype)
