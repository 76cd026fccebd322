"""The residual connection through a learned gate."""

import math
from typing import Optional

import pytest
import torch
from espnet2.asr.state_spaces.residual import Highway as EspnetHighway
from espnet2.torch_utils.initialize import INITIALIZATIONS
from torch import nn

from espnet_residuals.residual import Highway
from tests.residual.espnet_init import initialised

every_kind = pytest.mark.parametrize(
    "options", [{}, {"elemwise": True}, {"scaling_correction": True}], ids=str
)


@every_kind
@pytest.mark.parametrize("length", [4, 7])
def test_transposed_is_not_ignored(options: dict[str, bool], length: int) -> None:
    """ESPnet raises where features and length differ, and is wrong where not."""
    highway = Highway(1, 4, 4, **options)
    x, y = torch.randn(2, length, 4), torch.randn(2, length, 4)
    result = highway(x.mT, y.mT, transposed=True)
    assert result.shape == (2, 4, length)
    torch.testing.assert_close(result.mT, highway(x, y))


@every_kind
@pytest.mark.parametrize("shut", [True, False])
def test_gate_chooses_between_x_and_the_branch(
    options: dict[str, bool], shut: bool
) -> None:
    highway = Highway(1, 4, 4, **options)
    nn.init.constant_(highway.Wx.bias, -100.0 if shut else 100.0)
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    branch = highway.Wy * y if highway.elemwise else highway.Wy(y)
    correction = 1.732 if options.get("scaling_correction") else 1.0
    torch.testing.assert_close(highway(x, y), correction * x if shut else branch)


@every_kind
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_accepted_and_kept(
    options: dict[str, bool], dtype: torch.dtype, transposed: bool
) -> None:
    """ESPnet raises for half precision inputs and float32 weights."""
    highway = Highway(1, 4, 4, **options)
    x, y = torch.randn(2, 4, 4, dtype=dtype), torch.randn(2, 4, 4, dtype=dtype)
    result = highway(x, y, transposed)
    truth = highway.double()(x.double(), y.double(), transposed)
    assert result.dtype == dtype
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.double(), truth, rtol=tolerance, atol=tolerance)


@every_kind
def test_mixed_precision_gives_the_promoted_dtype(options: dict[str, bool]) -> None:
    highway = Highway(1, 4, 4, **options)
    x, y = torch.randn(2, 4), torch.randn(2, 4, dtype=torch.bfloat16)
    result = highway(x, y)
    truth = highway.double()(x.double(), y.double())
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.double(), truth, rtol=0.05, atol=0.05)


@every_kind
def test_parameters_have_the_names_of_espnet(options: dict[str, bool]) -> None:
    names = [name for name, _ in Highway(1, 4, 4, **options).named_parameters()]
    branch = ["Wy"] if options.get("elemwise") else ["Wy.weight", "Wy.bias"]
    assert sorted(names) == sorted(["Wx.weight", "Wx.bias", *branch])


@pytest.mark.filterwarnings("ignore:torch.ao.quantization:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantised_model_runs() -> None:
    """As for ``quantize_asr_model``, which replaces the linear layers of a model."""
    model = nn.Sequential(Highway(1, 4, 4), nn.Linear(4, 4))
    quantised = torch.ao.quantization.quantize_dynamic(model, {nn.Linear})
    x, y = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    torch.testing.assert_close(quantised[0](x, y), model[0](x, y), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("init", [None, *INITIALIZATIONS])
def test_a_stack_that_says_its_depth_starts_with_the_gates_nearly_shut(
    init: Optional[str],
) -> None:
    """K gates of 1 / K leave 1 / e of what comes in, for x and y near 0."""
    x, y = 1e-3 * torch.randn(2, 100, 32)
    stream = x
    for i_layer in range(1, 25):
        highway: nn.Module = Highway(i_layer, 32, 32, n_layers=24)
        nn.init.zeros_(highway.Wy.bias)
        if init is not None:
            highway = initialised(highway, init)
        stream = highway(stream, torch.zeros_like(y))
    ratio = (stream.norm() / x.norm()).item()
    assert ratio == pytest.approx(1 / math.e, rel=0.05)


def test_without_a_depth_the_gate_starts_as_espnets() -> None:
    torch.manual_seed(0)
    ours = Highway(1, 4, 4)
    torch.manual_seed(0)
    theirs = EspnetHighway(1, 4, 4)
    assert torch.equal(ours.Wx.bias, theirs.Wx.bias)
