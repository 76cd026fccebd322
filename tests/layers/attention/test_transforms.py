"""Compiled, exported, under autocast and torch.func the layer computes the same."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounter
from torch.func import functional_call, grad, jvp, vmap

from espnet_residuals.layers.attention import SelfAttention

FEATURES = 24
LENGTHS = (20, 63, 64, 65, 128, 200, 333, 500)
DYNAMIC = torch.export.Dim.DYNAMIC
OPTIONS: list[dict[str, Any]] = [
    {"positions": positions, "left_context": left, "look_ahead": right}
    for positions, left, right in (
        ("relative", None, None),
        ("relative", 16, 4),
        ("rotary", None, None),
        ("rotary", 40, 40),
        (None, None, 0),
    )
]


@pytest.fixture(params=OPTIONS, ids=str)
def layer(request: pytest.FixtureRequest) -> SelfAttention:
    torch._dynamo.reset()
    return SelfAttention(FEATURES, **request.param, start_gain=None)


def batch(length: int) -> tuple[Tensor, Tensor]:
    return torch.randn(2, length, FEATURES), torch.tensor([length, length // 2])


def test_one_graph_serves_all_lengths(layer: SelfAttention) -> None:
    counter = CompileCounter()
    compiled = torch.compile(layer, fullgraph=True, dynamic=True, backend=counter)
    for length in LENGTHS:
        inputs = batch(length)
        torch.testing.assert_close(
            compiled(*inputs), layer(*inputs), rtol=1e-5, atol=1e-5
        )
    assert counter.frame_count == 1


def test_exported_program_takes_any_length(layer: SelfAttention) -> None:
    with torch.no_grad():
        program = torch.export.export(
            layer, batch(200), dynamic_shapes=({1: DYNAMIC}, None)
        ).module()
        for length in LENGTHS:
            inputs = batch(length)
            torch.testing.assert_close(
                program(*inputs), layer(*inputs), rtol=1e-5, atol=1e-5
            )


def test_per_sample_gradients_are_those_of_one_sequence_each(
    layer: SelfAttention,
) -> None:
    layer = layer.double()
    parameters = {name: p.detach() for name, p in layer.named_parameters()}
    xs, lengths = torch.randn(3, 90, FEATURES).double(), torch.tensor([90, 50, 0])

    def loss(parameters: dict[str, Tensor], x: Tensor, length: Tensor) -> Tensor:
        y: Tensor = functional_call(layer, parameters, (x[None], length[None]))
        return y.square().sum()

    got = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, xs, lengths)
    for i, (x, length) in enumerate(zip(xs, lengths)):
        layer.zero_grad()
        loss(dict(layer.named_parameters()), x, length).backward()
        for name, parameter in layer.named_parameters():
            torch.testing.assert_close(got[name][i], parameter.grad, msg=name)


def test_directional_derivative_is_that_of_a_difference(layer: SelfAttention) -> None:
    layer = layer.double()
    x, lengths = batch(90)
    x, direction, step = x.double(), torch.randn_like(x).double(), 1e-6
    got = jvp(lambda x: layer(x, lengths), (x,), (direction,))[1]
    with torch.no_grad():
        ahead = layer(x + step * direction, lengths)
        behind = layer(x - step * direction, lengths)
    torch.testing.assert_close(got, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near_and_finite(
    layer: SelfAttention, dtype: torch.dtype
) -> None:
    x, lengths = torch.randn(3, 90, FEATURES), torch.tensor([90, 50, 0])
    expected = layer(x, lengths)
    with torch.autocast("cpu", dtype):
        got = layer(x, lengths)
    got.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    torch.testing.assert_close(got.float(), expected, rtol=0.05, atol=0.05)
    half = layer.to(dtype)(x.to(dtype), lengths)
    torch.testing.assert_close(half.float(), expected, rtol=0.05, atol=0.05)


def test_dropout_drops_weights_and_keeps_their_mean(layer: SelfAttention) -> None:
    x, lengths = batch(90)
    expected = layer(x, lengths)
    layer.dropout.p = 0.3
    with torch.no_grad():
        draws = torch.stack([layer(x, lengths) for _ in range(200)])
    assert not torch.equal(draws[0], draws[1])
    torch.testing.assert_close(draws.mean(0), expected, rtol=0.0, atol=0.15)
    torch.testing.assert_close(layer.eval()(x, lengths), expected)
