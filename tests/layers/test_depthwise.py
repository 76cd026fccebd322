"""The depthwise convolution against torch's own."""

import pytest
import torch
from torch import nn

from espnet_residuals.layers.depthwise import DepthwiseConvolution


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d_model", [1, 24, 64])
@pytest.mark.parametrize("kernel", [1, 4, 31])
def test_output_and_gradients_are_those_of_torchs_conv1d(
    kernel: int, d_model: int, dtype: torch.dtype
) -> None:
    ours = DepthwiseConvolution(d_model, kernel).to(dtype)
    theirs = nn.Conv1d(d_model, d_model, kernel, groups=d_model).to(dtype)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 70, d_model, dtype=dtype, requires_grad=True)
    y, expected = ours(x), theirs(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(y, expected)
    got = torch.autograd.grad(y.square().sum(), [x, *ours.parameters()])
    wanted = torch.autograd.grad(expected.square().sum(), [x, *theirs.parameters()])
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_fewer_frames_than_taps_give_no_frame() -> None:
    assert DepthwiseConvolution(8, kernel=5)(torch.ones(2, 4, 8)).shape == (2, 0, 8)


def test_autocast_does_not_touch_the_sum_over_the_taps() -> None:
    layer, x = DepthwiseConvolution(8, kernel=31), torch.randn(2, 60, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    assert torch.equal(y, layer(x))
