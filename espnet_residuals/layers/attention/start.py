"""Starts of the parameters that score positions, so that a frame sees itself first."""

import torch
from torch import Tensor, nn

from espnet_residuals.layers.attention.own_frame import OwnFrame
from espnet_residuals.start import orthogonal_

# Root mean square of the scores that a key's content has with rotary positions, beside
# more than 10 for the own frame.
CONTENT_SCORE = 0.1


@torch.no_grad()
def start_relative_(linear_pos: nn.Linear, pos_bias_v: Tensor, own: OwnFrame) -> None:
    """Give every head the scores of the own frame, as relative positions.

    In each head ``pos_bias_v`` is 1, and the rows of ``linear_pos`` have these scores
    as their sum; beside that they stay as they were drawn.

    Args:
        linear_pos (nn.Linear): Map of the encodings; changed in place.
        pos_bias_v (Tensor): What all queries share, (n_head, d_k); changed in place.
        own (OwnFrame): The scores.

    Examples:
        >>> from espnet_residuals.layers.attention.limits import Limits
        >>> from espnet_residuals.layers.attention.own_frame import own_frame
        >>> linear, bias, own = nn.Linear(8, 8), torch.empty(2, 4), own_frame(
        ...     8, Limits(None, None)
        ... )
        >>> start_relative_(linear, bias, own)
        >>> scores = (bias.flatten() * linear.weight.T).unflatten(1, (2, 4)).sum(2) / 2
        >>> torch.allclose(scores[1::2, 0], own.scores.float())
        True
    """
    nn.init.ones_(pos_bias_v)
    n_head, d_k = pos_bias_v.shape
    rows = linear_pos.weight.unflatten(0, (n_head, d_k))
    rows -= rows.mean(dim=1, keepdim=True)
    rows[..., 1::2] += own.scores.to(rows) / d_k**0.5


@torch.no_grad()
def start_rotary_(
    linear_q: nn.Linear, linear_k: nn.Linear, n_head: int, own: OwnFrame
) -> None:
    """Give every head the scores of the own frame, as rotary positions.

    The biases of queries and keys are equal: their product at a distance is a sum of
    cosines. The content of keys meets the bias of queries too; ``linear_k`` starts so
    small that these scores are ``CONTENT_SCORE``.

    Args:
        linear_q (nn.Linear): Map of the queries; its bias is changed in place.
        linear_k (nn.Linear): Map of the keys; changed in place.
        n_head (int): Number of heads.
        own (OwnFrame): The scores.

    Examples:
        >>> from espnet_residuals.layers.attention.limits import Limits
        >>> from espnet_residuals.layers.attention.own_frame import own_frame
        >>> q, k, own = nn.Linear(8, 8), nn.Linear(8, 8), own_frame(8, Limits(9, 9))
        >>> start_rotary_(q, k, 1, own)
        >>> torch.allclose((q.bias * k.bias)[:4] / 8**0.5, own.scores.float())
        True
    """
    d_k = linear_q.out_features // n_head
    pairs = (own.scores * d_k**0.5).sqrt()
    bias = torch.cat((pairs, torch.zeros_like(pairs))).repeat(n_head)
    linear_q.bias.copy_(bias)
    linear_k.bias.copy_(bias)
    size = float(pairs.norm())
    orthogonal_(linear_k.weight, CONTENT_SCORE * d_k**0.5 / size if size else 1.0)
