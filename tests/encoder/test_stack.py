"""The stack: order and numbering of sublayers, norms, depth, compilation."""

import logging
from typing import Any, Optional

import pytest
import torch
from torch import nn

from espnet_residuals.config import ConfigError
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.residual import DecayResidual, Residual, registry
from espnet_residuals.ssm import S4D

D_MODEL = 8


def stack(**options: Any) -> ResidualStack:
    settings = {"num_blocks": 2, "layer": ["s4d", "ff"], **options}
    return ResidualStack(D_MODEL, **settings).eval()


def test_i_layer_counts_sublayers_through_the_whole_stack() -> None:
    sublayers = stack(num_blocks=3, residual="decay").sublayers
    assert [s.residual.i_layer for s in sublayers] == [1, 2, 3, 4, 5, 6]
    assert [isinstance(s.layer, S4D) for s in sublayers] == [True, False] * 3


def test_residual_that_asks_learns_the_number_of_sublayers() -> None:
    class Asking(Residual):
        def __init__(
            self,
            i_layer: int,
            d_input: int,
            d_model: int,
            n_layers: Optional[int] = None,
        ) -> None:
            super().__init__(i_layer, d_input, d_model)
            self.n_layers = n_layers

    sublayers = stack(num_blocks=3, residual=Asking).sublayers
    assert [s.residual.n_layers for s in sublayers] == [6] * 6


def test_prenorm_and_postnorm_are_what_their_formulas_say() -> None:
    x = torch.randn(2, 10, D_MODEL)
    for prenorm in (True, False):
        model = stack(num_blocks=1, layer="ff", prenorm=prenorm)
        only = model.sublayers[0]
        if prenorm:
            expected = model.norm(x + only.layer(only.norm(x)))
        else:
            expected = only.norm(x + only.layer(x))
        torch.testing.assert_close(model(x), expected)


def test_deep_decay_stack_weighs_every_sublayer_alike() -> None:
    """x_K = sum(y_i) / sqrt(K), the closed form of power=0.5, l2."""
    model = stack(num_blocks=12, residual={"_name_": "decay", "power": 0.5})
    branches: list[torch.Tensor] = []
    stream: list[torch.Tensor] = []
    for sublayer in model.sublayers:
        sublayer.layer.register_forward_hook(lambda m, i, y: branches.append(y))
    model.norm.register_forward_pre_hook(lambda m, i: stream.append(i[0]))
    model(torch.randn(2, 10, D_MODEL))
    expected = torch.stack(branches).sum(0) / 24**0.5
    torch.testing.assert_close(stream[0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("power", "l2"), [(0.5, True), (1.0, False)])
def test_norms_hide_the_difference_between_decay_with_an_offset_and_the_plain_sum(
    power: float, l2: bool
) -> None:
    """The stream is x + y_1 + ... + y_K times a number, which LayerNorm takes out."""
    decay = {"_name_": "decay", "power": power, "l2": l2, "offset": 1}
    results = []
    for residual in ("residual", decay):
        torch.manual_seed(0)
        model = stack(num_blocks=12, residual=residual).double()
        for module in model.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = 0.0
        torch.manual_seed(1)
        y = model(torch.randn(2, 10, D_MODEL, dtype=torch.double))
        (y * torch.randn_like(y)).sum().backward()
        results.append([y, *(p.grad for p in model.parameters())])
    torch.testing.assert_close(results[0], results[1], rtol=1e-9, atol=1e-9)


def test_frames_behind_the_length_are_zero() -> None:
    y = stack()(torch.randn(2, 20, D_MODEL), torch.tensor([20, 7]))
    assert (y[1, 7:] == 0).all() and (y[1, :7] != 0).any()


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), 1e30])
def test_garbage_behind_the_length_reaches_neither_output_nor_gradient(
    garbage: float,
) -> None:
    model = stack()
    x = torch.randn(2, 20, D_MODEL)
    x[1, 7:] = garbage
    model(x, torch.tensor([20, 7])).sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_drop_path_is_off_where_nothing_of_the_input_is_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        model = stack(residual="decay", drop_path=0.5)
    assert [s.drop_path.rate for s in model.sublayers] == [0.0, 0.5, 0.5, 0.5]
    told = [r.getMessage() for r in caplog.records if "drop_path" in r.getMessage()]
    assert len(told) == 1 and told[0].endswith(": 1")
    model.train()
    y = model(torch.randn(64, 5, D_MODEL))
    assert (y.flatten(1).abs().sum(1) > 0).all()


@pytest.mark.parametrize(
    "config", [None, "none", "null", "feedforward", {"_name_": None}]
)
def test_no_residual_keeps_dropout(config: Any) -> None:
    model = stack(residual=config, dropout_rate=0.5)
    assert {s.dropout.p for s in model.sublayers} == {0.5}


def test_sublayer_with_no_norm_runs() -> None:
    assert stack(norm=None)(torch.randn(1, 5, D_MODEL)).isfinite().all()


def test_callers_configuration_is_not_changed() -> None:
    layer = [{"_name_": "ff", "expand": 2}]
    residual = {"power": 1, "_name_": "decay"}
    for _ in range(2):
        stack(layer=layer, residual=residual, dropout_rate=0.1)
    assert layer == [{"_name_": "ff", "expand": 2}]
    assert list(residual.items()) == [("power", 1), ("_name_", "decay")]


@pytest.mark.parametrize("name", sorted(registry))
def test_every_residual_trains_in_a_stack(name: str) -> None:
    needs_postnorm = getattr(registry[name], "needs_postnorm", False)
    model = stack(residual=name, prenorm=not needs_postnorm).train()
    model(torch.randn(2, 20, D_MODEL), torch.tensor([20, 9])).sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_blocks": 0}, r"encoder_conf\.num_blocks: .*>= 1, got 0"),
        ({"norm": "batch"}, r"encoder_conf\.norm: must be one of layer, null"),
        ({"prenorm": "no"}, r"encoder_conf\.prenorm: must be true or false"),
        ({"dropout_rate": 1}, r"encoder_conf\.dropout_rate: .*got 1"),
        ({"drop_path": -1}, r"encoder_conf\.drop_path: .*got -1"),
        ({"layer": []}, r"encoder_conf\.layer: must name at least one layer"),
        ({"layer": ["s4d", "fff"]}, r"encoder_conf\.layer\[1\]: .*'fff'.*'ff'"),
        (
            {"layer": ["ff", {"_name_": "s4d", "init": "x"}]},
            r"encoder_conf\.layer\[1\]\.init: must be one of lin, inv, legs, got 'x'",
        ),
        ({"residual": "decays"}, r"encoder_conf\.residual: .*'decays'.*'decay'"),
        (
            {"residual": {"_name_": "decay", "pwer": 1}},
            r"encoder_conf\.residual\.pwer: .*did you mean 'power'",
        ),
    ],
)
def test_error_names_the_key_in_the_yaml(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        stack(**options)


@pytest.mark.parametrize(
    "options", [{}, {"prenorm": True, "norm": None}, {"prenorm": False, "norm": None}]
)
def test_deepnorm_refuses_a_stream_that_no_norm_holds(options: dict[str, Any]) -> None:
    message = r"encoder_conf\.residual: DeepNorm needs prenorm: false and norm: layer"
    with pytest.raises(ConfigError, match=message):
        stack(residual="deepnorm", **options)


def test_offset_lets_the_first_sublayer_keep_part_of_its_input() -> None:
    for offset, kept in ((0, False), (1, True)):
        config = {"_name_": "decay", "offset": offset}
        first = stack(residual=config).sublayers[0].residual
        assert isinstance(first, DecayResidual) and first.keeps_input is kept


def test_parameters_of_the_norms_are_those_of_layer_norm() -> None:
    norms = [m for m in stack().modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 4 + 1
