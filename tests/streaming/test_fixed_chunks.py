"""Chunks of fixed shapes give the frames of the whole recording, at both ends too."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from espnet2.asr.ctc import CTC
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from espnet_residuals import ConfigError, S4Encoder
from espnet_residuals.layers import layer_registry, register_layer
from espnet_residuals.streaming.onnx.fixed_chunks import FixedChunks
from tests.streaming.fixed_chunks import LAYERS, encoder_conf, stream

FEATURES, TOKENS = 20, 7


@cache
def build(layer: str, input_layer: Any = "conv2d", chunk: Any = None) -> FixedChunks:
    torch.manual_seed(0)
    encoder = S4Encoder(FEATURES, **encoder_conf(layer, input_layer=input_layer))
    return FixedChunks(encoder.eval(), CTC(TOKENS, 16).eval(), chunk)


@torch.no_grad()
def check(chunks: FixedChunks, length: int) -> None:
    features = torch.randn(1, length, FEATURES)
    whole, _, _ = chunks.encoder(features, torch.tensor([length]))
    expected = chunks.ctc.log_softmax(whole)[0]

    def call(*inputs: Any) -> Any:
        return chunks(*map(torch.as_tensor, inputs))

    state = chunks.start()[2:]
    got = stream(call, state, features[0].numpy(), chunks.chunk, chunks.flush)
    np.testing.assert_allclose(got, expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", LAYERS)
@given(length=st.integers(7, 80))
@settings(max_examples=20)
def test_every_layer_gives_the_frames_of_the_whole(layer: str, length: int) -> None:
    check(build(layer), length)


@pytest.mark.parametrize(
    "input_layer, chunk", [("linear", 1), ("conv1d2", 6), ("conv2d6", 6), ("conv2d", 4)]
)
@given(length=st.integers(11, 60))
@settings(max_examples=10)
def test_every_subsampling_and_chunk_gives_the_frames_of_the_whole(
    input_layer: str, chunk: int, length: int
) -> None:
    check(build("all", input_layer, chunk), length)


def test_recording_too_short_for_a_frame_gives_none() -> None:
    chunks = build("all")
    features, n_features, *state = chunks.start()
    for count in (6, *[0] * chunks.flush):
        _, valid, *state = chunks(features, n_features + count, *state)
        assert not valid.any()


def test_chunk_that_ends_within_a_frame_is_refused_with_the_next_that_does_not() -> (
    None
):
    with pytest.raises(ConfigError, match=r"^chunk: .*multiple of 4.*got 6; 8 is"):
        build("s4d", chunk=6)


@pytest.mark.parametrize(
    "layer, message",
    [
        ({"_name_": "s4d", "bidirectional": True}, r"layer\.bidirectional: .*stream"),
        ("mha", r"layer\.left_context: .*cannot stream"),
        ("espnet_s4", r"layer: EspnetS4 cannot stream"),
    ],
)
def test_what_cannot_stream_names_the_option(layer: Any, message: str) -> None:
    encoder = S4Encoder(FEATURES, output_size=16, num_blocks=1, layer=layer)
    with pytest.raises(ConfigError, match=message):
        FixedChunks(encoder.eval(), CTC(TOKENS, 16))


def test_layer_of_ones_own_that_knows_no_place_is_refused() -> None:
    @register_layer("placeless")
    class Placeless(nn.Linear):
        def __init__(self, d_model: int) -> None:
            super().__init__(d_model, d_model)

        def forward(self, x: Any, lengths: Any = None) -> Any:
            return super().forward(x)

        def default_state(self, *arguments: Any) -> None:
            return None

        def forward_chunk(self, x: Any, state: None) -> Any:
            return super().forward(x), state

    try:
        encoder = S4Encoder(FEATURES, output_size=16, num_blocks=1, layer="placeless")
    finally:
        del layer_registry["placeless"]
    with pytest.raises(ConfigError, match="Placeless cannot .*argument 'place'"):
        FixedChunks(encoder.eval(), CTC(TOKENS, 16))
