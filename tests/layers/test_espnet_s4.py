"""Options of ESPnet's S4 layer: what is accepted runs, what cannot run is refused."""

import warnings
from typing import Any

import pytest
import torch

from espnet_residuals import ConfigError
from espnet_residuals.layers import build_layer
from espnet_residuals.layers.espnet_s4 import DT_MAX, DT_MIN, SMALLEST_STATE

D_MODEL = 8


def layer(**options: Any) -> torch.nn.Module:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="layer 'espnet_s4'")
        return build_layer({"_name_": "espnet_s4", **options}, D_MODEL)


def assert_finite(model: torch.nn.Module) -> None:
    y = model(torch.randn(2, 12, D_MODEL), torch.tensor([12, 7]))
    y.square().sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert y.isfinite().all() and all(g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("mode", ["nplr", "diag"])
@pytest.mark.parametrize("measure", SMALLEST_STATE)
def test_the_smallest_state_runs_and_a_smaller_one_is_refused(
    measure: str, mode: str
) -> None:
    smallest = SMALLEST_STATE[measure]
    options = {"mode": mode, "measure": measure, "rank": 2}
    assert_finite(layer(d_state=smallest, **options))
    for d_state in range(smallest):
        with pytest.raises(ConfigError, match=f">= {smallest}, got") as caught:
            layer(d_state=d_state, **options)
        assert caught.value.key == "encoder_conf.layer.d_state"


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("measure", {"measure": "all"}),
        ("rank", {"measure": "legt"}),
        ("d_state", {"measure": "fourier", "d_state": 5}),
        ("d_state", {"measure": "hippo", "d_state": 7}),
        ("dt_min", {"dt_min": 1e-30}),
        ("dt_max", {"dt_min": 0.1, "dt_max": 0.01}),
        ("dt_max", {"dt_max": 1e30}),
    ],
)
def test_what_espnet_cannot_start_from_is_refused_by_name(
    key: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as caught:
        layer(**options)
    assert caught.value.key == f"encoder_conf.layer.{key}"


def test_a_mixture_of_two_needs_an_even_number_of_features() -> None:
    with pytest.raises(ConfigError, match="d_model must be even, got 7") as caught:
        build_layer({"_name_": "espnet_s4", "measure": "hippo"}, 7)
    assert caught.value.key == "encoder_conf.layer.measure"


@pytest.mark.parametrize("mode", ["nplr", "diag"])
@pytest.mark.parametrize("dt", [DT_MIN, DT_MAX])
def test_the_extreme_steps_stay_finite(dt: float, mode: str) -> None:
    assert_finite(layer(mode=mode, dt_min=dt, dt_max=dt, d_state=8))


@pytest.mark.parametrize("mode", ["nplr", "diag"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_give_the_output_of_whole_ones(
    dtype: torch.dtype, mode: str
) -> None:
    model = layer(mode=mode, d_state=8).eval()
    x, lengths = torch.randn(2, 12, D_MODEL), torch.tensor([12, 7])
    expected = model(x, lengths)
    y = model.to(dtype)(x.to(dtype), lengths)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("shape", [(2, 0, D_MODEL), (0, 5, D_MODEL)])
def test_no_frame_gives_no_frame(shape: tuple[int, ...]) -> None:
    lengths = torch.zeros(shape[0], dtype=torch.long)
    assert layer(d_state=4)(torch.zeros(shape), lengths).shape == shape
