"""How much of what changes from frame to frame one stream shares with another."""

import math

import torch
from torch import Tensor

FEWEST_FRAMES = 4  # that the unbiased estimate is made of
MOST_FRAMES = 1000  # of all sequences together; more change the number little


def frame_similarity(x: Tensor, y: Tensor, valid: Tensor) -> float:
    """Return how alike the changes in two streams are: 1 the same, 0 unrelated.

    The mean of each sequence is taken out first, since what is the same in all frames
    says nothing of any. Then it is linear centred kernel alignment (Kornblith et al.,
    ICML 2019, https://arxiv.org/abs/1905.00414): whether frames that are alike in one
    stream are alike in the other, whatever rotation and scale lie between the two. The
    estimate is the unbiased one of Song et al. (JMLR 2012), so that a batch of few
    frames does not look alike by chance.

    Args:
        x (Tensor): One stream, (batch, length, features).
        y (Tensor): The other; the number of features may differ.
        valid (Tensor): Which frames count, bool, (batch, length).

    Returns:
        float: The similarity; NaN if a stream is not finite or fewer than 4 frames
        count.

    Examples:
        >>> x, valid = torch.randn(2, 50, 8), torch.ones(2, 50, dtype=torch.bool)
        >>> rotation = torch.linalg.qr(torch.randn(8, 8)).Q
        >>> round(frame_similarity(x, 3 * x @ rotation + 5, valid), 3)
        1.0
        >>> frame_similarity(x, torch.ones(2, 50, 8), valid)
        0.0
    """
    if valid.sum() < FEWEST_FRAMES:
        return math.nan
    one, other = _likeness(x, valid), _likeness(y, valid)
    own = _alignment(one, one) * _alignment(other, other)
    if own == 0:
        return 0.0
    return (_alignment(one, other) / own.clamp(min=0).sqrt()).clamp(min=0).item()


def _likeness(stream: Tensor, valid: Tensor) -> Tensor:
    """Return the product of every frame with every other one, 0 with itself."""
    weights = valid.unsqueeze(-1).double()
    stream = stream.detach().double().masked_fill(weights == 0, 0.0)
    mean = stream.sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True)
    frames = (stream - mean)[valid]
    frames = frames[:: -(-len(frames) // MOST_FRAMES)]
    # Of order 1, whatever the size of the stream; a constant one becomes 0.
    tiny = 1e-6 * stream.square().mean().sqrt()
    size = frames.square().mean().sqrt()
    frames = torch.where(size > tiny, frames / size, torch.zeros_like(frames) * size)
    return (frames @ frames.T).fill_diagonal_(0.0)


def _alignment(one: Tensor, other: Tensor) -> Tensor:
    """Return the Hilbert-Schmidt independence criterion, but for a factor."""
    n = len(one)
    rows, columns = one.sum(dim=0), other.sum(dim=0)
    together = (one * other).sum()
    return (
        together
        + rows.sum() * columns.sum() / ((n - 1) * (n - 2))
        - 2 * rows @ columns / (n - 2)
    )
