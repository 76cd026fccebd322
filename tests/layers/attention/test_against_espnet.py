"""Side by side with ESPnet's own modules, with the same parameters."""

from typing import Any

import pytest
import torch
from espnet2.asr.state_spaces.attention import MultiHeadedAttention
from espnet2.legacy.nets.pytorch_backend.transformer.attention import (
    RelPositionMultiHeadedAttention,
)
from espnet2.legacy.nets.pytorch_backend.transformer.embedding import (
    RelPositionalEncoding,
)
from torch import Tensor, nn

from espnet_residuals.layers.attention import SelfAttention
from espnet_residuals.nn.lengths import valid_frames

D_MODEL = 32
LENGTHS = torch.tensor([60, 33, 1])


def batch() -> Tensor:
    return torch.randn(len(LENGTHS), 60, D_MODEL)


def espnets(layer: SelfAttention, x: Tensor, mask: Any) -> tuple[nn.Module, Tensor]:
    """Return ESPnet's module with the parameters of the layer, and its output."""
    if layer.positions is None:
        plain = MultiHeadedAttention(D_MODEL, layer.n_head)
        plain.load_state_dict(layer.state_dict())
        return plain, plain(x, mask=mask)[0]
    relative = RelPositionMultiHeadedAttention(layer.n_head, D_MODEL, 0.0)
    relative.load_state_dict(layer.state_dict())
    _, encoded = RelPositionalEncoding(D_MODEL, 0.0)(x)
    return relative, relative(x, x, x, encoded, mask)


@pytest.mark.parametrize("positions", ["relative", None])
@pytest.mark.parametrize("n_head", [1, 4])
@pytest.mark.parametrize("start_gain", [None, 1.0])
def test_same_parameters_give_the_same_output_and_gradients(
    positions: Any, n_head: int, start_gain: Any
) -> None:
    layer = SelfAttention(D_MODEL, n_head, positions, start_gain=start_gain)
    x = batch()
    theirs, expected = espnets(layer, x, valid_frames(LENGTHS, x).unsqueeze(1))
    got, valid = layer(x, LENGTHS), valid_frames(LENGTHS, x)
    weights = torch.randn_like(x)[valid]
    torch.testing.assert_close(got[valid], expected[valid], rtol=1e-6, atol=1e-6)
    (got[valid] * weights).sum().backward()
    (expected[valid] * weights).sum().backward()
    for name, parameter in layer.named_parameters():
        other = theirs.get_parameter(name).grad
        torch.testing.assert_close(parameter.grad, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 60])
def test_same_output_without_a_mask(length: int) -> None:
    layer = SelfAttention(D_MODEL, start_gain=None)
    x = batch()[:, :length]
    _, expected = espnets(layer, x, None)
    torch.testing.assert_close(layer(x), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("left_context", [None, 5])
@pytest.mark.parametrize("look_ahead", [None, 0, 3])
@pytest.mark.parametrize("positions", ["relative", None])
def test_limits_are_a_mask_of_espnets(
    positions: Any, left_context: Any, look_ahead: Any
) -> None:
    layer = SelfAttention(
        D_MODEL,
        positions=positions,
        left_context=left_context,
        look_ahead=look_ahead,
        start_gain=None,
    )
    x = torch.randn(2, 150, D_MODEL)
    seen = torch.ones(150, 150).tril(150 if look_ahead is None else look_ahead)
    seen = seen.triu(-150 if left_context is None else -left_context).bool()
    _, expected = espnets(layer, x, seen.expand(2, -1, -1))
    torch.testing.assert_close(layer(x), expected, rtol=1e-6, atol=1e-6)


def test_parameters_without_a_start_are_drawn_as_espnet_draws_them() -> None:
    torch.manual_seed(1)
    layer = SelfAttention(64, start_gain=None)
    espnet = RelPositionMultiHeadedAttention(4, 64, 0.0)
    assert {n: p.shape for n, p in layer.named_parameters()} == {
        n: p.shape for n, p in espnet.named_parameters()
    }
    for name, parameter in layer.named_parameters():
        bound = espnet.get_parameter(name).abs().max().item()
        assert parameter.abs().max().item() == pytest.approx(bound, rel=0.1), name


def test_encodings_are_as_exact_as_the_dtype_far_away() -> None:
    """ESPnet's own are computed in float32, also for a layer in float64."""
    from espnet_residuals.layers.attention.relative_positions import encodings

    for dtype, error in ((torch.float64, 1e-9), (torch.float32, 5e-7)):
        got = encodings(100_000, 200, D_MODEL, dtype)
        distances = 100_000 - torch.arange(200, dtype=torch.float64)
        angles = distances[:, None] * 10000 ** (-torch.arange(0, 32, 2) / 32).double()
        assert got.dtype == dtype
        torch.testing.assert_close(
            got[:, 1::2].double(), angles.cos(), rtol=0, atol=error
        )
