"""The scan of a state-space model with a scalar decay, as matrix products in chunks."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.ssm.widest import widest_dtype

# Frames in a chunk. Fastest on the CPU, forward and backward, of 16, 32, 64 and 128.
CHUNK = 64
# Over this many nepers a float32 decays to 0, and a float64 to 1e-46; bounded, the sums
# over a chunk stay finite.
MOST_DECAY = 105.0


def ssd(
    x: Tensor,
    log_decay: Tensor,
    B: Tensor,
    C: Tensor,
    state: Tensor,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    r"""Return the output of a selective state-space model with one decay a head.

    .. math::
        h_t = e^{a_t} h_{t-1} + x_t B_t^T, \qquad y_t = h_t C_t

    for every head, whose state h has the shape (head_dim, d_state). Within a chunk the
    output is that of masked attention without softmax, between chunks only states are
    handed on: the state-space duality of Dao and Gu (ICML 2024,
    https://arxiv.org/abs/2405.21060), section 6. Decays are exponentials of sums over
    the frames between, never above 1, so that nothing overflows.

    Args:
        x (Tensor): Input, times dt, (batch, length, n_head, head_dim).
        log_decay (Tensor): a <= 0, dt times A, (batch, length, n_head). A decay by more
            than ``MOST_DECAY`` counts as one by as much.
        B (Tensor): What the input adds to the state, (batch, length, d_state).
        C (Tensor): What of the state is seen, (batch, length, d_state).
        state (Tensor): State before the first frame, (batch, n_head, head_dim,
            d_state).
        chunk (int): Frames in a chunk.

    Returns:
        tuple[Tensor, Tensor]: Output, (batch, length, n_head, head_dim), and the state
        behind the last frame.

    Examples:
        >>> ones = torch.ones(1, 4, 1)
        >>> y, state = ssd(ones[..., None], -ones, ones, ones, torch.zeros(1, 1, 1, 1))
        >>> y.flatten()
        tensor([1.0000, 1.3679, 1.5032, 1.5530])
        >>> state.item() == y[0, -1].item()
        True
    """
    length, n_head = x.shape[1:3]
    x, B, C = _chunks(x, chunk), _chunks(B, chunk), _chunks(C, chunk)
    x = x.transpose(2, 3).contiguous()  # (batch, n_chunks, n_head, chunk, head_dim)
    log_decay = _chunks(log_decay, chunk).transpose(2, 3).clamp(min=-MOST_DECAY)
    # Of differences of large sums float32 would keep too little.
    wide = widest_dtype(x.device)
    sums = log_decay.cumsum(dim=-1, dtype=wide)  # (batch, n_chunks, n_head, chunk)
    likeness = (C @ B.transpose(-1, -2)).tril().unsqueeze(2)
    y = (_decays(sums, x.dtype) * likeness) @ x
    to_end = (sums[..., -1:] - sums).to(x.dtype).exp().unsqueeze(-1)
    added = (x * to_end).transpose(-1, -2) @ B.unsqueeze(2)
    states = _hand_on(added, sums[..., -1], state)
    seen = C.unsqueeze(2) * sums.to(x.dtype).exp().unsqueeze(-1)
    y = y + seen @ states[:, :, :-1].transpose(1, 2).transpose(-1, -2)
    y = y.transpose(2, 3).flatten(1, 2)
    return y[:, :length], states[:, :, -1]


def _chunks(x: Tensor, chunk: int) -> Tensor:
    """Cut (batch, length, ...) into (batch, n_chunks, chunk, ...), zeros at the end.

    In a compiled graph there are at least two, and always zeros: then it serves every
    length, since no shape is a special one.
    """
    n_chunks: Any = -(-x.size(1) // chunk)
    if torch.compiler.is_compiling():
        n_chunks = torch.sym_max(2, x.size(1) // chunk + 1)
    padding = [0, 0] * (x.dim() - 2) + [0, n_chunks * chunk - x.size(1)]
    return F.pad(x, padding).unflatten(1, (n_chunks, chunk))


def _decays(sums: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the decays from every frame to every later one, (..., to, from).

    Those to earlier frames, which hold no meaning, are 1.
    """
    differences = sums.unsqueeze(-1) - sums.unsqueeze(-2)
    return differences.to(dtype).clamp(max=0.0).exp()


def _hand_on(added: Tensor, log_decay: Tensor, state: Tensor) -> Tensor:
    """Return the state before each chunk, and the one behind the last.

    Args:
        added (Tensor): What each chunk adds to the state, (batch, n_chunks, n_head,
            head_dim, d_state).
        log_decay (Tensor): Decay over each chunk, (batch, n_chunks, n_head).
        state (Tensor): State before the first, (batch, n_head, head_dim, d_state).

    Returns:
        Tensor: The states, (batch, n_head, n_chunks + 1, head_dim, d_state).
    """
    sums = F.pad(log_decay, (0, 0, 1, 0)).cumsum(dim=1).transpose(1, 2)
    states = torch.cat([state.unsqueeze(1), added], dim=1).transpose(1, 2)
    handed_on = _decays(sums, states.dtype).tril() @ states.flatten(3)
    return handed_on.unflatten(-1, states.shape[3:])
