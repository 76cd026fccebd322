"""The mean of the values, weighed by the scores of queries and keys."""

from contextlib import AbstractContextManager, nullcontext
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from espnet_residuals.nn.dropout import Dropout
from espnet_residuals.nn.transformed import is_transformed


def weigh(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Optional[Tensor],
    dropout: Dropout,
    is_causal: bool = False,
) -> Tensor:
    """Attend from queries to keys.

    Vaswani et al., "Attention Is All You Need" (NeurIPS 2017,
    https://arxiv.org/abs/1706.03762), equation 1, by torch's kernels. On the CPU these
    have none with dropout, so there plain operations take their place.

    Args:
        q (Tensor): Queries, (batch, n_head, n_queries, d_k).
        k (Tensor): Keys, (batch, n_head, n_keys, d_k).
        v (Tensor): Values, shaped as the keys.
        mask (Optional[Tensor]): What to add to the scores, broadcast to (batch, n_head,
            n_queries, n_keys).
        dropout (Dropout): Dropout of the weights.
        is_causal (bool): Whether a query sees no key behind its own, with ``mask``
            None.

    Returns:
        Tensor: Means of values, (batch, n_head, n_queries, d_k).

    Examples:
        >>> x = torch.ones(1, 2, 10, 4)
        >>> torch.equal(weigh(x, x, x, None, Dropout(0.0)), x)
        True
    """
    drops = dropout.is_active()
    if drops and q.device.type == "cpu" and not (is_causal or is_transformed()):
        scores = (q * q.size(-1) ** -0.5) @ k.transpose(-2, -1)
        scores = scores if mask is None else scores + mask
        return dropout(scores.softmax(dim=-1)) @ v
    with _kernels():
        return F.scaled_dot_product_attention(
            q, k, v, mask, dropout.p if drops else 0.0, is_causal
        )


def _kernels() -> AbstractContextManager[None]:
    """Under ``torch.func`` only plain operations have all gradients."""
    if is_transformed() and not torch.compiler.is_compiling():
        return sdpa_kernel(SDPBackend.MATH)
    return nullcontext()
