"""The feed-forward layer beside ESPnet's, and what its activation changes."""

import math

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.conformer.swish import Swish
from espnet2.legacy.nets.pytorch_backend.transformer.positionwise_feed_forward import (
    PositionwiseFeedForward,
)
from torch import nn

from espnet_residuals.config import ConfigError
from espnet_residuals.layers import build_layer
from espnet_residuals.layers.feed_forward import FeedForward
from espnet_residuals.nn.activation import ACTIVATIONS
from espnet_residuals.start import spread

THEIRS = {"relu": nn.ReLU(), "swish": Swish(), "gelu": nn.GELU()}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_espnets_parameters_give_espnets_output_and_gradients(activation: str) -> None:
    theirs = PositionwiseFeedForward(16, 48, 0.0, THEIRS[activation])
    ours = FeedForward(16, expand=3, activation=activation)
    ours.linear_in.load_state_dict(theirs.w_1.state_dict())
    ours.linear_out.load_state_dict(theirs.w_2.state_dict())
    x = torch.randn(2, 30, 16)
    y, expected = ours(x), theirs(x)
    torch.testing.assert_close(y, expected, rtol=1e-6, atol=1e-6)
    for output in (y, expected):
        output.square().sum().backward()
    torch.testing.assert_close(ours.linear_in.weight.grad, theirs.w_1.weight.grad)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("expand", [1, 4])
@pytest.mark.parametrize("d_model", [32, 96, 256])
def test_branch_starts_with_the_power_asked_for(
    d_model: int, expand: int, activation: str
) -> None:
    branch = FeedForward(d_model, expand, activation, start_gain=0.5)
    x = nn.functional.layer_norm(torch.randn(2, 300, d_model), (d_model,))
    power = branch(x).detach().square().mean().item()
    assert power == pytest.approx(0.25, rel=0.1)


def test_relu_spreads_as_its_closed_form_says_within_a_percent() -> None:
    """E[max(z, 0)^2] = 1 / 2 and E[max(z, 0)] = 1 / sqrt(2 pi)."""
    expected = 1 / 2 - 1 / (2 * math.pi)
    assert spread(ACTIVATIONS["relu"]) == pytest.approx(expected, rel=0.01)


def test_activation_is_gelu_unless_another_is_named() -> None:
    x = torch.randn(1, 20, 8)
    layer = FeedForward(8)
    expected = layer.linear_out(nn.functional.gelu(layer.linear_in(x)))
    torch.testing.assert_close(layer(x), expected)


def test_every_activation_streams() -> None:
    x = torch.randn(1, 20, 8)
    for activation in ACTIVATIONS:
        layer = FeedForward(8, activation=activation)
        y, _ = layer.forward_chunk(x[:, :5], None)
        torch.testing.assert_close(y, layer(x)[:, :5])


def test_unknown_activation_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        ConfigError,
        match=r"layer\.activation: must be one of gelu, swish, relu, got 'silu'",
    ):
        build_layer({"_name_": "ff", "activation": "silu"}, 8)


def test_names_of_the_parameters_are_those_of_stored_models() -> None:
    assert set(FeedForward(8).state_dict()) == {
        *("linear_in.weight", "linear_in.bias"),
        *("linear_out.weight", "linear_out.bias"),
    }
