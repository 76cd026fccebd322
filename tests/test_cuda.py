"""The same numbers on a GPU as on the CPU; skipped where there is none."""

import copy
from typing import Any

import pytest
import torch

from espnet_residuals import S4D, S4Encoder, build_residual

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"
)

RESIDUALS = ["residual", "decay", {"_name_": "decay", "l2": False}, "affine", "highway"]


@pytest.mark.parametrize("config", RESIDUALS)
def test_residual_gives_the_same_on_both_devices(config: Any) -> None:
    residual = build_residual(config, 3, 8, 8)
    x, y = torch.randn(2, 50, 8), torch.randn(2, 50, 8)
    expected = residual(x, y)
    got = copy.deepcopy(residual).cuda()(x.cuda(), y.cuda())
    torch.testing.assert_close(got.cpu(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("config", RESIDUALS)
def test_residual_joins_a_float32_stream_and_a_half_branch(config: Any) -> None:
    residual = build_residual(config, 3, 8, 8).cuda()
    x = torch.randn(2, 50, 8, device="cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        z = residual(x, x.bfloat16())
    assert z.dtype == torch.float32


@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer_and_its_gradients_are_the_same_on_both_devices(
    bidirectional: bool,
) -> None:
    layer = S4D(8, bidirectional=bidirectional)
    on_gpu = copy.deepcopy(layer).cuda()
    x = torch.randn(2, 300, 8)
    expected, got = layer(x), on_gpu(x.cuda())
    torch.testing.assert_close(got.cpu(), expected, rtol=1e-4, atol=1e-5)
    expected.square().sum().backward()
    got.square().sum().backward()
    for here, there in zip(layer.parameters(), on_gpu.parameters()):
        torch.testing.assert_close(there.grad.cpu(), here.grad, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_encoder_trains_under_autocast(dtype: torch.dtype) -> None:
    encoder = S4Encoder(80, output_size=32, num_blocks=2, residual="decay").cuda()
    with torch.autocast("cuda", dtype=dtype):
        x = torch.randn(2, 100, 80, device="cuda")
        ys, _, _ = encoder(x, torch.tensor([100, 60], device="cuda"))
    ys.float().square().mean().backward()
    assert all(p.grad.isfinite().all() for p in encoder.parameters())
