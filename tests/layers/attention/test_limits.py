"""Blocks of a limited layer give what attention to all gives with a mask."""

from typing import Any, Optional

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals.layers.attention import SelfAttention

POSITIONS = ["relative", "rotary", None]


def by_definition(layer: SelfAttention, x: Tensor, length: int) -> Tensor:
    """Attend from every seventh frame, with loops and without any code of the layer."""
    d_k = x.size(-1) // layer.n_head
    q, k, v = (
        linear(x[:length]).unflatten(-1, (layer.n_head, d_k))
        for linear in (layer.linear_q, layer.linear_k, layer.linear_v)
    )
    left = length if layer.left_context is None else layer.left_context
    right = length if layer.look_ahead is None else layer.look_ahead
    frames = []
    for t in range(0, length, 7):
        seen = range(max(0, t - left), min(length, t + right + 1))
        score = torch.stack([_score(layer, q[t], k[s], t - s) for s in seen])
        weights = (score / d_k**0.5).softmax(dim=0)
        frames.append((weights.unsqueeze(-1) * v[seen.start : seen.stop]).sum(0))
    result: Tensor = layer.linear_out(torch.stack(frames).flatten(1))
    return result


def _score(layer: SelfAttention, q: Tensor, k: Tensor, distance: int) -> Tensor:
    if layer.positions == "rotary":
        return (q * _turned(k, -distance)).sum(-1)
    if layer.positions is None:
        return (q * k).sum(-1)
    size = layer.linear_pos.in_features
    angles = distance * 10000.0 ** (-torch.arange(0, size, 2).double() / size)
    encoded = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten()
    p = layer.linear_pos(encoded).unflatten(-1, k.shape)
    return ((q + layer.pos_bias_u) * k + (q + layer.pos_bias_v) * p).sum(-1)


def _turned(x: Tensor, angle: int) -> Tensor:
    """Turn as complex numbers."""
    half = x.size(-1) // 2
    omega = 10000.0 ** (-torch.arange(half).double() / half)
    pairs = torch.complex(x[..., :half], x[..., half:])
    turned = pairs * torch.polar(torch.ones_like(omega), angle * omega)
    return torch.cat((turned.real, turned.imag), dim=-1)


def build(positions: Any, left: Optional[int], right: Optional[int]) -> SelfAttention:
    layer = SelfAttention(8, 2, positions, 0.0, left, right, start_gain=None)
    return layer.double()


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize(
    ("left", "right"), [(None, None), (None, 0), (4, None), (3, 2), (70, 9), (0, 0)]
)
def test_layer_is_what_its_definition_says(
    positions: Any, left: Any, right: Any
) -> None:
    layer, x = build(positions, left, right), torch.randn(2, 90, 8).double()
    got = layer(x, torch.tensor([90, 70]))
    torch.testing.assert_close(got[0, ::7], by_definition(layer, x[0], 90))
    torch.testing.assert_close(got[1, :70:7], by_definition(layer, x[1], 70))


@given(
    length=st.integers(1, 400),
    left=st.integers(0, 150),
    right=st.integers(0, 150),
    shorter=st.floats(0, 1),
    positions=st.sampled_from(POSITIONS),
)
def test_blocks_equal_attention_to_all_with_a_mask(
    length: int, left: int, right: int, shorter: float, positions: Any
) -> None:
    torch.manual_seed(0)
    layer = build(positions, left, right)
    x = torch.randn(2, length, 8).double()
    lengths = torch.tensor([length, int(shorter * length)])
    got = layer(x, lengths)
    layer._is_cut = lambda n_queries: False  # type: ignore[method-assign]
    torch.testing.assert_close(got, layer(x, lengths))


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("limits", [(None, None), (5, 3), (5, None), (None, 0)])
def test_padding_is_not_read_and_empty_sequences_have_finite_gradients(
    positions: Any, limits: tuple[Any, Any]
) -> None:
    layer = build(positions, *limits)
    x = torch.randn(3, 200, 8).double()
    x[1, 80:], x[2] = torch.nan, torch.inf
    x.requires_grad_()
    y = layer(x, torch.tensor([200, 80, 0]))
    y.sum().backward()
    alone = layer(x[1:2, :80])
    torch.testing.assert_close(y[1:2, :80], alone)
    gradient = x.grad
    assert gradient is not None
    assert y.isfinite().all() and gradient.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    assert not gradient[1, 80:].any() and not gradient[2].any()


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_memory_for_the_backward_pass_is_linear_in_the_length(
    positions: Any, dropout: float
) -> None:
    """With all pairs of frames four times the length would need 16 times as much."""
    layer = SelfAttention(16, 2, positions, dropout, left_context=20, look_ahead=4)

    def kept(length: int) -> int:
        sizes: list[int] = []

        def count(saved: Tensor) -> Tensor:
            sizes.append(saved.numel() * saved.element_size())
            return saved

        with torch.autograd.graph.saved_tensors_hooks(count, lambda saved: saved):
            layer(torch.randn(1, length, 16), torch.tensor([length]))
        return sum(sizes)

    assert kept(8000) < 4.2 * kept(2000)
