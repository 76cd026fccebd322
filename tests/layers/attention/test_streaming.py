"""A recording in chunks gives the frames of the whole, however it is cut."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals.config import ConfigError
from espnet_residuals.layers.attention import SelfAttention

LENGTH = 200
POSITIONS = ["relative", "rotary", None]


def stream(layer: SelfAttention, x: Tensor, cuts: list[int]) -> Tensor:
    state, outputs = layer.default_state(x.size(0), dtype=x.dtype), []
    bounds = [0, *cuts, x.size(1)]
    for start, end in zip(bounds, bounds[1:]):
        y, state = layer.forward_chunk(x[:, start:end], state)
        outputs.append(y)
        assert sum(y.size(1) for y in outputs) == max(0, end - layer.look_ahead)
    return torch.cat([*outputs, layer.finish(state)], dim=1)


@given(
    cuts=st.lists(st.integers(0, LENGTH), max_size=8).map(sorted),
    left=st.integers(0, 90),
    right=st.integers(0, 40),
    positions=st.sampled_from(POSITIONS),
)
def test_any_chunks_give_the_whole(
    cuts: list[int], left: int, right: int, positions: Any
) -> None:
    torch.manual_seed(0)
    layer = SelfAttention(8, 2, positions, 0.0, left, right, start_gain=None).double()
    x = torch.randn(2, LENGTH, 8).double()
    torch.testing.assert_close(stream(layer, x, cuts), layer(x))


@pytest.mark.parametrize("positions", POSITIONS)
def test_frame_by_frame_gives_the_whole(positions: Any) -> None:
    layer = SelfAttention(8, 2, positions, left_context=9, look_ahead=3)
    x = torch.randn(1, LENGTH, 8)
    got = stream(layer, x, list(range(1, LENGTH)))
    torch.testing.assert_close(got, layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("positions", ["relative", "rotary"])
def test_hours_later_the_same_frames_give_the_same(positions: Any) -> None:
    """Counted from the start, positions would lose their fractions in float32."""
    layer = SelfAttention(8, 2, positions, left_context=9, look_ahead=3)
    x = torch.randn(1, 40, 8)
    state = layer.default_state(1)
    with torch.no_grad():
        _, state = layer.forward_chunk(torch.randn(1, 300_000, 8), state)
        late, _ = layer.forward_chunk(x, state)
        early, _ = layer.forward_chunk(x, layer.default_state(1))
    torch.testing.assert_close(late[:, 12:], early[:, 9:], rtol=1e-5, atol=1e-5)


def test_state_stays_small_and_is_not_changed() -> None:
    layer = SelfAttention(8, 2, left_context=9, look_ahead=3)
    _, state = layer.forward_chunk(torch.randn(1, 500, 8), layer.default_state(1))
    copies = [part.clone() for part in state]
    x = torch.randn(1, 20, 8)
    first, behind = layer.forward_chunk(x, state)
    assert [part.size(2) for part in behind] == [3, 12, 12]
    assert torch.equal(layer.forward_chunk(x, state)[0], first)
    assert all(map(torch.equal, copies, state))


@pytest.mark.parametrize("look_ahead", [0, 3])
def test_no_frames_give_no_frames(look_ahead: int) -> None:
    layer = SelfAttention(8, 2, left_context=9, look_ahead=look_ahead)
    y, state = layer.forward_chunk(torch.zeros(2, 0, 8), layer.default_state(2))
    assert y.shape == layer.finish(state).shape == (2, 0, 8)


def test_stream_under_autocast_gives_finite_frames() -> None:
    layer = SelfAttention(8, 2, left_context=9, look_ahead=3)
    x = torch.randn(1, LENGTH, 8)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        got = stream(layer, x, [5, 90])
    torch.testing.assert_close(got.float(), layer(x), rtol=0.1, atol=0.1)


@pytest.mark.parametrize(
    ("limits", "key"),
    [({}, "left_context"), ({"left_context": 9}, "look_ahead")],
)
def test_layer_without_limits_says_which_option_keeps_it_from_streaming(
    limits: dict[str, Any], key: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{key}: .*cannot stream; set a number"):
        SelfAttention(8, **limits).default_state(1)
