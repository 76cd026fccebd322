"""Layers by name: what a YAML may say, and what it may not."""

from typing import Any

import pytest
import torch
from torch import nn

from espnet_residuals.config import ConfigError
from espnet_residuals.layers import build_layer, layer_registry, register_layer

D_MODEL = 8


@pytest.mark.parametrize(
    "config",
    [
        "s4d",
        {"_name_": "s4d", "bidirectional": True},
        "ff",
        "conv",
        {"_name_": "conv", "norm": "batch"},
        {"_name_": "espnet_s4", "mode": "diag", "measure": "diag-lin"},
        "espnet_s4",
        "mha",
        {"_name_": "mha", "positions": "rotary", "n_head": 2, "look_ahead": 0},
        {"_name_": "mha", "positions": None, "left_context": 3, "look_ahead": 2},
        "mamba2",
        {"_name_": "mamba2", "bidirectional": True},
    ],
)
def test_every_layer_keeps_the_shape_and_ignores_frames_behind_the_length(
    config: Any,
) -> None:
    torch.manual_seed(0)
    layer = build_layer(config, D_MODEL).eval()
    x = torch.randn(2, 60, D_MODEL)
    y = layer(x, torch.tensor([60, 25]))
    alone = layer(x[1:, :25], torch.tensor([25]))
    assert y.shape == x.shape
    torch.testing.assert_close(y[1:, :25], alone, rtol=1e-4, atol=1e-4)


def test_dropout_of_the_stack_reaches_layers_that_do_not_set_their_own() -> None:
    assert build_layer("ff", D_MODEL, dropout=0.3).dropout.p == 0.3
    own = build_layer({"_name_": "ff", "dropout": 0.1}, D_MODEL, dropout=0.3)
    assert own.dropout.p == 0.1


def test_an_import_path_is_no_name() -> None:
    for path in ("torch.nn.Linear", "os.system", "espnet_residuals.ssm.S4D"):
        with pytest.raises(ConfigError, match="unknown layer"):
            build_layer({"_name_": path}, D_MODEL)
    with pytest.raises(ConfigError, match="needs '_name_'"):
        build_layer({"_target_": "os.system"}, D_MODEL)


@pytest.mark.parametrize(
    "config, message",
    [
        ({"_name_": "s4d", "d_stat": 8}, r"encoder_conf\.layer\.d_stat: .*'d_state'"),
        ({"_name_": "s4d", "d_state": 7}, r"encoder_conf\.layer\.d_state: .*even"),
        ({"_name_": "ff", "expand": 0}, r"encoder_conf\.layer\.expand: .*>= 1, got 0"),
        ({"_name_": "mha", "n_head": 3}, r"layer\.n_head: .*d_model=8, got 3"),
        ({"_name_": "mha", "n_head": 4.0}, r"layer\.n_head: .*integer"),
        ({"_name_": "mha", "n_head": 0}, r"layer\.n_head: .*>= 1, got 0"),
        ({"_name_": "mha", "positions": "relativ"}, r"layer\.positions: .*'relative'"),
        ({"_name_": "mha", "left_context": -1}, r"layer\.left_context: .*>= 0, got -1"),
        ({"_name_": "mha", "look_ahead": 0.5}, r"layer\.look_ahead: .*integer"),
        ({"_name_": "mha", "dropout": 1}, r"layer\.dropout: .*< 1, got 1"),
        (
            {"_name_": "mha", "positions": "rotary", "n_head": 8},
            r"layer\.positions: rotary needs an even d_model / n_head, got 8 / 8",
        ),
        ({"_name_": "espnet_s4", "mode": "nprl"}, r"layer\.mode: .*mean 'nplr'"),
        ({"_name_": "espnet_s4", "rank": 0}, r"layer\.rank: .*>= 1, got 0"),
        ({"_name_": "espnet_s4", "measure": "leggs"}, r"layer\.measure: .*'legs'"),
        ("s4", "unknown layer 's4'.*'s4d'"),
        (7, "must be the name of a layer"),
    ],
)
def test_error_names_key_value_and_what_is_allowed(config: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_layer(config, D_MODEL)


def test_whatever_a_constructor_raises_names_the_layer() -> None:
    @register_layer("negative")
    class Negative(nn.Linear):
        def __init__(self, d_model: int) -> None:
            super().__init__(d_model, -1)

        def forward(self, x: Any, lengths: Any = None) -> Any:
            return super().forward(x)

    try:
        with pytest.raises(ConfigError, match=r"encoder_conf\.layer: Negative: .*-1"):
            build_layer("negative", D_MODEL)
    finally:
        del layer_registry["negative"]


def test_class_that_is_no_layer_is_refused() -> None:
    class NoLengths(nn.Module):
        def __init__(self, d_model: int) -> None:
            super().__init__()

        def forward(self, x: Any) -> None:
            return x

    with pytest.raises(TypeError, match=r"forward must take \(x, lengths\)"):
        layer_registry.register("no_lengths")(NoLengths)
    with pytest.raises(TypeError, match="not a class derived from torch.nn.Module"):
        layer_registry.register("function")(len)  # type: ignore[type-var]
    assert "no_lengths" not in layer_registry


def test_espnets_unused_parameter_waits_for_no_gradient() -> None:
    layer = build_layer(
        {"_name_": "espnet_s4", "mode": "diag", "measure": "diag-lin"}, D_MODEL
    )
    layer(torch.randn(2, 20, D_MODEL)).sum().backward()
    assert not [
        n for n, p in layer.named_parameters() if p.requires_grad and p.grad is None
    ]
