"""Multiply features by learned weights: the precision, and what may broadcast."""

import torch
from torch import Tensor


def scale_features(y: Tensor, weight: Tensor, transposed: bool) -> Tensor:
    """Return ``y`` with every feature multiplied by its weight.

    The product has at least float32 precision, so that half precision can be rounded
    once, behind whatever is added to it.

    Args:
        y (Tensor): Frames, (..., features); with ``transposed`` (..., features,
            length).
        weight (Tensor): One weight for all features, (1,), or one for each,
            (features,).
        transposed (bool): Whether the features lie on the last but one dimension.

    Returns:
        Tensor: The product, shaped as ``y``.

    Raises:
        ValueError: If there are neither 1 nor as many weights as features.

    Examples:
        >>> scale_features(torch.ones(2, 2), torch.tensor([1.0, 2.0]), False)
        tensor([[1., 2.],
                [1., 2.]])
        >>> scale_features(torch.ones(2, 2), torch.tensor([1.0, 2.0]), True)
        tensor([[1., 1.],
                [2., 2.]])
    """
    features = y.size(-2 if transposed else -1)
    if weight.numel() != 1 and weight.numel() != features:
        raise ValueError(f"y must have {weight.numel()} features, got {features}")
    weight = weight.to(torch.promote_types(weight.dtype, torch.float32))
    return (weight.unsqueeze(-1) if transposed else weight) * y
