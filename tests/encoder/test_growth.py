"""Options that would overflow at the first step are refused when a stack is built."""

from typing import Any

import pytest
import torch

from espnet_residuals import ConfigError, S4Encoder
from espnet_residuals.encoder import ResidualStack

D_MODEL = 8


def stack(n_layers: int, residual: Any, **options: Any) -> ResidualStack:
    return ResidualStack(D_MODEL, n_layers, "ff", residual=residual, **options)


@pytest.mark.parametrize(
    ("option", "n_layers", "residual"),
    [
        (".alpha", 64, {"_name_": "residual", "alpha": 2}),
        (".alpha", 64, {"_name_": "residual", "alpha": -2, "beta": 0.5}),
        (".alpha", 128, {"_name_": "residual", "alpha": 1.5}),
        (".alpha", 128, {"_name_": "affine", "alpha": 1.5}),
        (".beta", 2, {"_name_": "residual", "beta": 1e20}),
        (".beta", 2, {"_name_": "affine", "beta": "-1e20"}),
        (".gamma", 24, {"_name_": "affine", "gamma": -20}),
        (".init", 2, {"_name_": "layerscale", "init": 1e20}),
        (".scale", 2, {"_name_": "depth_scaled", "scale": 1e20}),
    ],
)
def test_weights_by_which_the_stream_overflows_are_refused(
    option: str, n_layers: int, residual: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match="makes the stream overflow") as caught:
        stack(n_layers, residual)
    assert caught.value.key == f"encoder_conf.residual{option}"


@pytest.mark.parametrize("norm", ["layer", None])
def test_one_sublayer_enlarges_too_much_behind_a_norm(norm: Any) -> None:
    with pytest.raises(ConfigError, match="by sublayer 1 of 2"):
        stack(2, {"_name_": "residual", "alpha": 1e20}, norm=norm, prenorm=False)


@pytest.mark.parametrize(
    ("n_layers", "residual", "prenorm"),
    [
        (48, {"_name_": "residual", "alpha": 2}, True),
        (64, {"_name_": "residual", "alpha": 2}, False),
        (96, "residual", True),
        (64, {"_name_": "residual", "alpha": 0, "beta": 1e14}, True),
        (24, {"_name_": "affine", "gamma": 30}, True),
        (24, {"_name_": "layerscale", "init": 1e14}, False),
    ],
)
def test_what_is_not_refused_stays_finite(
    n_layers: int, residual: Any, prenorm: bool
) -> None:
    model = stack(n_layers, residual, prenorm=prenorm)
    x = (100 * torch.randn(2, 7, D_MODEL)).requires_grad_()
    y = model(x)
    y.square().sum().backward()
    gradients = [p.grad for p in (x, *model.parameters())]
    assert y.isfinite().all()
    assert all(g is not None and g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("value", [1e39, -1e39, "1e160", 1e308])
@pytest.mark.parametrize("option", ["alpha", "beta", "gamma"])
def test_factors_beyond_float32_are_refused_by_name(option: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        stack(2, {"_name_": "affine", option: value})
    assert caught.value.key == f"encoder_conf.residual.{option}"


@pytest.mark.parametrize("gamma", [-100, -1e4, -3e38])
def test_a_power_beyond_float32_is_refused_by_name(gamma: float) -> None:
    with pytest.raises(ConfigError, match=r"weight of sublayer \d+ overflow") as caught:
        stack(64, {"_name_": "affine", "gamma": gamma})
    assert caught.value.key == "encoder_conf.residual.gamma"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("residual.eps", 1e-46),
        ("residual.eps", 1e-320),
        ("residual.steps", 1e-46),
        ("layer.dt_min", 1e-46),
        ("layer.dt_max", 1e160),
        ("layer.dt_min", 1e160),
    ],
)
def test_numbers_that_float32_does_not_hold_are_refused(
    option: str, value: float
) -> None:
    section, name = option.split(".")
    function = "orthogonal" if name == "eps" else "bypass"
    config: dict[str, Any] = {"_name_": "s4d" if section == "layer" else function}
    with pytest.raises(ConfigError, match="that float32 holds") as caught:
        S4Encoder(20, 8, 1, None, **{section: {**config, name: value}})
    assert caught.value.key == f"encoder_conf.{option}"


@pytest.mark.parametrize(
    "layer",
    [
        {"_name_": "s4d", "dt_min": 1.2e-38, "dt_max": 3.4e38},
        {"_name_": "s4d", "dt_min": 3.3e38, "dt_max": 3.4e38},
        {"_name_": "s4d", "dt_min": 1.2e-38, "dt_max": 1.3e-38},
    ],
)
@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
def test_extreme_steps_that_float32_holds_stay_finite(
    layer: dict[str, Any], discretization: str
) -> None:
    torch.manual_seed(0)
    config = {**layer, "discretization": discretization, "d_state": 4}
    model = ResidualStack(D_MODEL, 2, config)
    y = model(torch.randn(2, 50, D_MODEL))
    y.square().sum().backward()
    assert y.isfinite().all()
    assert all(
        p.grad is not None and p.grad.isfinite().all() for p in model.parameters()
    )


@pytest.mark.parametrize("layer", ["s4d", "ff"])
def test_branch_that_overflows_by_its_start_gain_is_refused(layer: str) -> None:
    for start_gain, fits in ((100, True), (101, False), (1e20, False)):
        config = {"_name_": layer, "start_gain": start_gain}
        if fits:
            stack = ResidualStack(8, num_blocks=2, layer=config)
            stack(torch.randn(2, 30, 8)).square().sum().backward()
            assert all(p.grad.isfinite().all() for p in stack.parameters())
            continue
        with pytest.raises(
            ConfigError, match=r"^encoder_conf\.layer\.start_gain: .*100"
        ):
            ResidualStack(8, num_blocks=2, layer=config)
