"""A recording in chunks gives the frames of the whole; what cannot stream says so."""

from typing import Any

import pytest
import torch
from espnet2.asr.ctc import CTC
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from espnet_residuals import ConfigError, S4Encoder
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.encoder.input_layer import INPUT_LAYERS

FEATURES, LENGTH = 20, 150


def encoder(**options: Any) -> S4Encoder:
    settings = {"output_size": 16, "num_blocks": 2, "layer": ["s4d", "ff"], **options}
    torch.manual_seed(0)
    return S4Encoder(FEATURES, **settings).eval()


def stream(model: S4Encoder, xs: torch.Tensor, cuts: list[int], **more: Any) -> Any:
    """Feed a batch in chunks that end at the given frames."""
    state, frames = model.default_state(len(xs)), []
    bounds = [0, *cuts, xs.size(1)]
    for start, end in zip(bounds, bounds[1:]):
        ys, state = model.forward_chunk(xs[:, start:end], state, **more)
        frames.append(ys)
    return torch.cat(frames, dim=1)


@pytest.mark.parametrize("input_layer", INPUT_LAYERS)
@given(cuts=st.lists(st.integers(0, LENGTH), max_size=20).map(sorted))
def test_any_chunks_give_the_frames_of_the_whole(
    input_layer: Any, cuts: list[int]
) -> None:
    model = encoder(input_layer=input_layer)
    if input_layer == "embed":
        xs = torch.randint(FEATURES, (2, LENGTH))
    else:
        xs = torch.randn(2, LENGTH, FEATURES)
    with torch.no_grad():
        whole, _, _ = model(xs, torch.tensor([LENGTH, LENGTH]))
        got = stream(model, xs, cuts)
    torch.testing.assert_close(got, whole, rtol=1e-5, atol=1e-5)


LOOKING_AHEAD: list[Any] = [
    {"_name_": "ff", "activation": "swish", "scale": 0.5},
    {"_name_": "mha", "n_head": 2, "left_context": 20, "look_ahead": 2},
    {"_name_": "conv", "kernel": 9, "look_ahead": 3},
    "s4d",
    {"_name_": "mamba2", "d_state": 4, "residual": "decay"},
]


@pytest.mark.long
@given(cuts=st.lists(st.integers(0, LENGTH), max_size=20).map(sorted))
def test_layers_that_look_ahead_give_the_frames_of_the_whole(cuts: list[int]) -> None:
    model = encoder(layer=LOOKING_AHEAD, block_norm=True, input_layer="conv1d2")
    xs = torch.randn(2, LENGTH, FEATURES)
    with torch.no_grad():
        whole, _, _ = model(xs, torch.tensor([LENGTH, LENGTH]))
        state, frames = model.default_state(2), []
        for chunk in xs.tensor_split(cuts, dim=1):
            ys, state = model.forward_chunk(chunk, state)
            frames.append(ys)
        ys, _ = model.forward_chunk(xs[:, :0], state, is_final=True)
    got = torch.cat([*frames, ys], dim=1)
    torch.testing.assert_close(got, whole, rtol=1e-5, atol=1e-5)


def test_delay_is_how_many_features_a_frame_waits_for() -> None:
    model = encoder(layer=LOOKING_AHEAD, input_layer="conv1d2")
    assert model.stack.look_ahead == 2 * (2 + 3)
    xs = torch.randn(1, LENGTH, FEATURES)
    t = 20
    needed = t * model.embed.stride + model.delay + 1
    state = model.default_state(1)
    for length, n_frames in ((needed - 1, t), (needed, t + 1)):
        ys, _ = model.forward_chunk(xs[:, :length], state)
        assert ys.size(1) == n_frames


@pytest.mark.parametrize("residual", ["residual", "decay", "affine", "highway", None])
@pytest.mark.parametrize("prenorm", [True, False])
def test_stack_step_by_step_equals_whole(residual: Any, prenorm: bool) -> None:
    torch.manual_seed(0)
    stack = ResidualStack(8, 3, ["s4d", "ff"], residual, prenorm=prenorm).eval()
    x = torch.randn(2, 70, 8)
    state, frames = stack.default_state(2), []
    for t in range(70):
        y, state = stack.step(x[:, t], state)
        frames.append(y)
    torch.testing.assert_close(
        torch.stack(frames, dim=1), stack(x), rtol=1e-5, atol=1e-5
    )


def test_self_conditioning_streams_with_the_models_ctc() -> None:
    model = encoder(interctc_layer_idx=[1], interctc_use_conditioning=True)
    model.conditioning_layer = nn.Linear(10, 16)
    ctc, xs = CTC(odim=10, encoder_output_size=16), torch.randn(1, LENGTH, FEATURES)
    (whole, _), _, _ = model(xs, torch.tensor([LENGTH]), ctc=ctc)
    got = stream(model, xs, [33, 90], ctc=ctc)
    torch.testing.assert_close(got, whole, rtol=1e-5, atol=1e-5)


def test_state_is_not_changed_so_a_stream_can_branch() -> None:
    model, xs = encoder(), torch.randn(1, LENGTH, FEATURES)
    _, state = model.forward_chunk(xs[:, :50], model.default_state(1))
    first, _ = model.forward_chunk(xs[:, 50:], state)
    again, _ = model.forward_chunk(xs[:, 50:], state)
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    "layer, message",
    [
        (
            ["ff", {"_name_": "s4d", "bidirectional": True}],
            r"^encoder_conf\.layer\[1\]\.bidirectional: .*cannot stream.*false",
        ),
        (["mha"], r"^encoder_conf\.layer\[0\]\.left_context: .*cannot stream"),
        (
            {"_name_": "mha", "left_context": 9},
            r"^encoder_conf\.layer\.look_ahead: .*cannot stream",
        ),
        ("espnet_s4", r"^encoder_conf\.layer: EspnetS4 cannot stream"),
    ],
)
def test_configuration_that_cannot_stream_names_what_prevents_it(
    layer: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        encoder(layer=layer).default_state(1)


def test_state_has_the_same_size_after_a_minute_as_after_a_second() -> None:
    model = encoder()

    def size(state: Any) -> int:
        tensors = [state.past, *(s for s in state.sublayers if s is not None)]
        return sum(t.numel() for t in tensors)

    state, sizes = model.default_state(1), []
    with torch.no_grad():
        for _ in range(60):
            _, state = model.forward_chunk(torch.randn(1, 100, FEATURES), state)
            sizes.append(size(state))
    assert len(set(sizes)) == 1
