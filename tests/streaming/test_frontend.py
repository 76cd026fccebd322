"""Samples in pieces give the features of the whole recording, each once."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from espnet2.asr.frontend.default import DefaultFrontend
from espnet2.layers.global_mvn import GlobalMVN
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_residuals.streaming.frontend import StreamingFrontend

N_MELS = 10
LENGTHS = st.integers(33, 700)


@lru_cache
def frontend(**options: Any) -> DefaultFrontend:
    settings = {"fs": 8000, "n_fft": 64, "hop_length": 20, "n_mels": N_MELS}
    return DefaultFrontend(**{**settings, **options}).eval()


def offline(model: DefaultFrontend, samples: torch.Tensor) -> torch.Tensor:
    lengths = torch.full((len(samples),), samples.size(1))
    feats, olens = model(samples, lengths)
    assert olens.tolist() == [feats.size(1)] * len(samples)
    return feats


def stream(
    model: StreamingFrontend, samples: torch.Tensor, cuts: list[int]
) -> torch.Tensor:
    """Feed pieces that end at the given samples; the last one is final."""
    state = model.default_state(len(samples), samples.dtype)
    feats: list[torch.Tensor] = []
    bounds = [0, *cuts, samples.size(1)]
    for start, end in zip(bounds, bounds[1:]):
        is_final = len(feats) == len(cuts)
        new, state = model.forward_chunk(samples[:, start:end], state, is_final)
        feats.append(new)
    return torch.cat(feats, dim=1)


@given(data=st.data(), length=LENGTHS)
def test_any_pieces_give_the_features_of_the_whole(data: Any, length: int) -> None:
    cuts = data.draw(st.lists(st.integers(0, length), max_size=20).map(sorted))
    samples = torch.randn(2, length)
    whole = offline(frontend(), samples)
    got = stream(StreamingFrontend(frontend()), samples, cuts)
    torch.testing.assert_close(got, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"center": False},
        {"n_fft": 63},
        {"win_length": 40},
        {"hop_length": 64},
        {"hop_length": 100},  # samples between windows are in none
        {"hop_length": 1},
        {"window": "hamming", "normalized": True},
        {"window": None},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:A window was not provided")
@given(length=st.integers(64, 400), size=st.integers(1, 150))
@settings(max_examples=20)
def test_every_option_of_the_transform_streams(
    options: dict[str, Any], length: int, size: int
) -> None:
    samples = torch.randn(1, length)
    model = frontend(**options)
    got = stream(StreamingFrontend(model), samples, [*range(size, length, size)])
    torch.testing.assert_close(got, offline(model, samples), rtol=1e-5, atol=1e-5)


def test_one_sample_at_a_time_gives_each_frame_as_soon_as_its_window_is_full() -> None:
    model, samples = StreamingFrontend(frontend()), torch.randn(1, 200)
    state, times = model.default_state(1), []
    for t in range(200):
        feats, state = model.forward_chunk(samples[:, t : t + 1], state)
        times.extend([t] * feats.size(1))
    # The window of frame i ends 32 samples behind its middle, at i * 20.
    assert times == [max(32, i * 20 + 31) for i in range(len(times))]
    assert len(times) == 9


def test_digital_silence_and_full_scale_are_as_they_are_offline() -> None:
    samples = torch.cat([torch.zeros(300), torch.ones(300), -torch.ones(300)])[None]
    got = stream(StreamingFrontend(frontend()), samples, [10, 250, 301, 640])
    torch.testing.assert_close(got, offline(frontend(), samples), rtol=1e-5, atol=1e-5)


def test_double_precision_streams() -> None:
    model, samples = deepcopy(frontend()).double(), torch.randn(1, 300).double()
    got = stream(StreamingFrontend(model), samples, [100])
    assert got.dtype is torch.float64
    torch.testing.assert_close(got, offline(model, samples))


def test_global_mvn_is_that_of_the_model(tmp_path: Path) -> None:
    stats = {"count": 4, "sum": np.arange(10.0), "sum_square": np.arange(10.0) ** 2 + 9}
    np.savez(tmp_path / "feats_stats.npz", **stats)
    normalize, samples = GlobalMVN(tmp_path / "feats_stats.npz"), torch.randn(2, 500)
    whole, _ = normalize(offline(frontend(), samples), torch.tensor([26, 26]))
    got = stream(StreamingFrontend(frontend(), normalize), samples, [50, 51, 300])
    torch.testing.assert_close(got, whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("pieces", [1, 3])
def test_recording_too_short_for_a_window_fails_as_it_does_offline(
    center: bool, pieces: int
) -> None:
    model = frontend(center=center)
    fewest = 33 if center else 64
    streaming = StreamingFrontend(model)
    for length in (fewest - 1, 0):
        samples = torch.randn(1, length)
        with pytest.raises(RuntimeError):
            offline(model, samples)
        cuts = [length // pieces] * (pieces - 1)
        with pytest.raises(TooShortUttError, match=f"{length} samples.* {fewest}$"):
            stream(streaming, samples, cuts)
    samples = torch.randn(1, fewest)
    torch.testing.assert_close(
        stream(streaming, samples, [5]), offline(model, samples), rtol=1e-5, atol=1e-5
    )


def test_state_is_not_changed_and_does_not_grow() -> None:
    model = StreamingFrontend(frontend())
    state, sizes = model.default_state(1), set()
    for _ in range(50):
        samples = torch.randn(1, 800)  # 40 frames
        first, after = model.forward_chunk(samples, state)
        again, _ = model.forward_chunk(samples, state)
        assert torch.equal(first, again)
        state = after
        sizes.add(state.kept.untyped_storage().nbytes())
    assert len(sizes) == 1 and max(sizes) < 4 * 64
