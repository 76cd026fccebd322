"""Batch normalisation of padded frames against torch's, of the valid ones alone."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from espnet_residuals.layers.batch_norm import FrameBatchNorm
from espnet_residuals.nn.lengths import valid_frames


@given(lengths=st.lists(st.integers(0, 20), min_size=1, max_size=4))
def test_training_gives_what_torch_gives_for_the_valid_frames(
    lengths: list[int],
) -> None:
    ours, theirs = FrameBatchNorm(8).double(), nn.BatchNorm1d(8).double()
    x = torch.randn(len(lengths), 20, 8).double() * 3 + 2
    is_valid = valid_frames(torch.tensor(lengths), x)
    if is_valid.sum() < 2:
        return  # torch refuses it
    for _ in range(2):
        y, expected = ours(x, torch.tensor(lengths)), theirs(x[is_valid])
    torch.testing.assert_close(y[is_valid], expected)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("length", [0, 1])
def test_one_frame_or_none_leaves_everything_finite(length: int) -> None:
    norm = FrameBatchNorm(8)
    y = norm(torch.randn(1, 5, 8), torch.tensor([length]))
    y.square().sum().backward()
    values = [y, *norm.buffers(), *(p.grad for p in norm.parameters())]
    assert all(value.isfinite().all() for value in values)


def test_evaluation_uses_the_running_statistics_and_leaves_them() -> None:
    norm = FrameBatchNorm(8)
    x = torch.randn(3, 20, 8) + 1
    norm(x)
    before = copy.deepcopy(norm.eval().state_dict())
    plain = nn.BatchNorm1d(8).eval()
    plain.load_state_dict(before)
    expected = plain(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(norm(x, torch.tensor([20, 5, 0])), expected)
    assert all(torch.equal(norm.state_dict()[key], before[key]) for key in before)


def test_synchronised_batch_norms_do_not_take_its_place() -> None:
    """Torch's has no lengths, and takes the frames for features."""
    layer = nn.ModuleList([FrameBatchNorm(8), nn.BatchNorm1d(8)])
    ours, theirs = nn.SyncBatchNorm.convert_sync_batchnorm(layer)
    assert isinstance(ours, FrameBatchNorm) and isinstance(theirs, nn.SyncBatchNorm)
