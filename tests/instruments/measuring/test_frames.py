"""How alike two streams change: what it must see, and what it must not."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals.instruments.measuring.frames import MOST_FRAMES, frame_similarity


def all_valid(stream: Tensor) -> Tensor:
    return torch.ones(stream.shape[:2], dtype=torch.bool)


def test_rotation_scale_and_offset_of_each_sequence_change_nothing() -> None:
    x = torch.randn(3, 80, 16)
    rotation = torch.linalg.qr(torch.randn(16, 16)).Q
    y = 1e-4 * x @ rotation + torch.randn(3, 1, 16)
    assert frame_similarity(x, y, all_valid(x)) == pytest.approx(1.0, abs=1e-3)


def test_unrelated_streams_are_not_alike_by_chance_in_few_frames() -> None:
    """The plain estimate would be d / (n + d) = 0.5."""
    found = []
    for _ in range(20):
        x, y = torch.randn(2, 4, 50, 200)
        found.append(frame_similarity(x, y, all_valid(x)))
    assert sum(found) / len(found) < 0.05


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_added_noise_takes_the_share_of_its_power(noise: float) -> None:
    """Of white features, alignment is the squared correlation of a feature."""
    x = torch.randn(2, 2000, 32)
    y = x + noise * torch.randn(2, 2000, 32)
    expected = 1 / (1 + noise**2)
    assert frame_similarity(x, y, all_valid(x)) == pytest.approx(expected, abs=0.05)


@given(st.integers(min_value=0, max_value=29))
def test_frames_behind_the_lengths_are_not_read(length: int) -> None:
    x, y = torch.randn(2, 2, 30, 8)
    valid = torch.arange(30) < torch.tensor([[30], [length]])
    before = frame_similarity(x, y, valid)
    x[1, length:] = y[1, length:] = math.nan
    assert frame_similarity(x, y, valid) == before


def test_constant_and_broken_streams() -> None:
    x = torch.randn(2, 30, 8)
    constant = torch.randn(2, 1, 8).expand(2, 30, 8)
    assert frame_similarity(x, constant, all_valid(x)) == 0.0
    assert math.isnan(frame_similarity(x, x * math.inf, all_valid(x)))
    assert math.isnan(frame_similarity(x[:1, :3], x[:1, :3], all_valid(x[:1, :3])))


def test_long_recordings_cost_no_more_memory() -> None:
    x = torch.randn(1, 50 * MOST_FRAMES, 2)
    assert frame_similarity(x, x, all_valid(x)) == pytest.approx(1.0)
