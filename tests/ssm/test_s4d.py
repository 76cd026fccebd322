"""What users of the layer rely on: time, padding, precision, initialisation."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from espnet2.torch_utils.initialize import initialize

from espnet_residuals.config import ConfigError
from espnet_residuals.ssm import S4D


@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
def test_step_by_step_equals_whole_sequence(discretization: str) -> None:
    layer = S4D(8, d_state=4, discretization=discretization)
    x = torch.randn(3, 130, 8)
    state, frames = layer.default_state(3), []
    for t in range(x.size(1)):
        y, state = layer.step(x[:, t], state)
        frames.append(y)
    torch.testing.assert_close(
        torch.stack(frames, dim=1), layer(x), rtol=1e-5, atol=1e-6
    )


def test_unidirectional_layer_does_not_look_ahead() -> None:
    layer = S4D(8)
    x = torch.randn(1, 100, 8)
    changed = x.clone()
    changed[:, 60:] = torch.randn(1, 40, 8)
    torch.testing.assert_close(layer(x)[:, :60], layer(changed)[:, :60])


def test_bidirectional_layer_looks_ahead_but_has_no_step() -> None:
    layer = S4D(8, bidirectional=True)
    x = torch.randn(1, 100, 8)
    changed = x.clone()
    changed[:, 60:] = 0
    assert not torch.allclose(layer(x)[:, :60], layer(changed)[:, :60])
    with pytest.raises(ConfigError, match="^bidirectional: .*set it to false"):
        layer.default_state(1)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_frames_behind_the_length_are_not_read(bidirectional: bool) -> None:
    layer = S4D(8, bidirectional=bidirectional)
    x = torch.randn(2, 100, 8)
    garbage = x.clone()
    garbage[1, 40:] = float("nan")
    lengths = torch.tensor([100, 40])
    alone = layer(x[1:, :40])
    beside = layer(garbage, lengths)
    torch.testing.assert_close(beside[1:, :40], alone, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(beside[0], layer(x)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lengths", [[1, 1], [7, 0], [300, 1]])
def test_extreme_lengths_stay_finite_forward_and_backward(lengths: list[int]) -> None:
    layer = S4D(8, bidirectional=True)
    x = torch.zeros(2, max(lengths), 8, requires_grad=True)
    y = layer(x, torch.tensor(lengths))
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_every_parameter_gets_a_gradient() -> None:
    layer = S4D(8, bidirectional=True)
    layer(torch.randn(2, 20, 8)).square().sum().backward()
    unused = [n for n, p in layer.named_parameters() if p.grad is None]
    silent = [n for n, p in layer.named_parameters() if not p.grad.abs().sum() > 0]
    assert unused == [] and silent == []


def test_forward_changes_no_parameter_and_no_buffer() -> None:
    layer = S4D(8)
    before = copy.deepcopy(layer.state_dict())
    for length in (10, 500, 20):
        layer(torch.randn(1, length, 8))
    for name, tensor in layer.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_of_the_input_and_every_parameter_in_float64(
    bidirectional: bool,
) -> None:
    layer = S4D(2, d_state=4, bidirectional=bidirectional, dtype=torch.float64)
    x = torch.randn(2, 9, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def output(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        named = dict(zip(names, parameters))
        lengths = torch.tensor([9, 4])
        y: torch.Tensor = torch.func.functional_call(layer, named, (x, lengths))
        return y

    assert torch.autograd.gradcheck(output, (x, *layer.parameters()))


def test_output_does_not_depend_on_batch_neighbours_or_the_number_of_threads() -> None:
    layer = S4D(16, bidirectional=True)
    x, lengths = torch.randn(5, 400, 16), torch.tensor([400, 1, 37, 0, 399])
    together = layer(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = layer(x[row : row + 1], lengths[row : row + 1])[0]
        torch.testing.assert_close(
            together[row, :length], alone[:length], rtol=1e-5, atol=1e-5
        )
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        torch.testing.assert_close(layer(x, lengths), together, rtol=1e-5, atol=1e-5)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_kernel_and_transform_stay_in_float32_under_autocast(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    transform = torch.fft.rfft

    def spy(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.dtype)
        return transform(x)

    monkeypatch.setattr(torch.fft, "rfft", spy)
    layer, x = S4D(8), torch.randn(1, 70, 8)
    exact = layer.kernel(70)
    with torch.autocast("cpu", dtype=dtype):
        layer(x.to(dtype)).sum().backward()
    layer.to(dtype)(x.to(dtype)).sum().backward()
    assert len(seen) >= 6 and set(seen) == {torch.float32}
    assert exact.dtype == torch.float32


def relative_error(got: torch.Tensor, exact: torch.Tensor) -> float:
    error = (got.float() - exact).detach().abs().max() / exact.detach().abs().max()
    return float(error)


@pytest.mark.parametrize(
    "dtype, bound", [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)]
)
def test_autocast_stays_near_float32(dtype: torch.dtype, bound: float) -> None:
    torch.manual_seed(0)
    layer = S4D(32, bidirectional=True).eval()
    x = torch.randn(2, 200, 32)
    with torch.autocast("cpu", dtype=dtype):
        under_autocast = layer(x)
    assert relative_error(under_autocast, layer(x)) < bound


@pytest.mark.parametrize(
    "dtype, bound", [(torch.bfloat16, 2e-2), (torch.float16, 2e-3)]
)
def test_half_precision_model_stays_near_float32(
    dtype: torch.dtype, bound: float
) -> None:
    """The frequencies of A, rounded to bfloat16, would move the output by a fifth."""
    layer = S4D(32, bidirectional=True).eval()
    half = copy.deepcopy(layer).to(dtype)
    x = torch.randn(2, 200, 32)
    assert half(x.to(dtype)).dtype == dtype
    assert relative_error(half(x.to(dtype)), layer(x)) < bound


def test_espnets_init_leaves_the_state_space_parameters_where_theory_puts_them() -> (
    None
):
    layer = S4D(8, init="inv")
    fresh = S4D(8, init="inv")
    initialize(layer, "xavier_uniform")
    for name in ("log_A_real", "A_imag", "B"):
        assert torch.equal(getattr(layer.kernel, name), getattr(fresh.kernel, name))
    assert layer.kernel.log_dt.exp().min() >= 0.001 - 1e-6
    assert layer.kernel.log_dt.exp().max() <= 0.1 + 1e-6


def test_own_learning_rate_and_no_weight_decay_for_dt_A_B() -> None:
    kernel = S4D(8, lr="1e-3").kernel
    for name in ("log_dt", "log_A_real", "A_imag", "B"):
        assert getattr(kernel, name)._optim == {"weight_decay": 0.0, "lr": 0.001}
    assert not hasattr(kernel.C, "_optim")
    assert S4D(8).kernel.B._optim == {"weight_decay": 0.0}


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))]
)
def test_copies_keep_the_optimiser_settings(copied: Callable[[S4D], S4D]) -> None:
    kernel = copied(S4D(8, lr=1e-3)).kernel
    for name in ("log_dt", "log_A_real", "A_imag", "B"):
        assert getattr(kernel, name)._optim == {"weight_decay": 0.0, "lr": 0.001}


def test_everything_is_made_on_the_device_of_the_parameters() -> None:
    layer = S4D(8, bidirectional=True, device="meta")
    assert {p.device.type for p in layer.parameters()} == {"meta"}
    y = layer(torch.empty(2, 20, 8, device="meta"), torch.tensor([20, 10]))
    assert y.device.type == "meta"


def test_same_seed_gives_same_parameters_and_copies_are_equal() -> None:
    def build() -> S4D:
        torch.manual_seed(3)
        return S4D(8)

    layer, x = build(), torch.randn(2, 30, 8)
    for other in (build(), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize(
    "option, value",
    [
        ("d_state", 3),
        ("d_state", 0),
        ("d_state", "64"),
        ("init", "line"),
        ("discretization", "euler"),
        ("dt_min", 0),
        ("dt_max", 1e-5),
        ("lr", -1),
        ("dropout", 1.0),
        ("bidirectional", "yes"),
    ],
)
def test_wrong_option_is_refused_by_name_and_value(option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{option}: ") as refusal:
        S4D(8, **{option: value})
    assert repr(value) in str(refusal.value) or str(value) in str(refusal.value)


def test_parameters_made_anew_by_torch_keep_the_optimiser_settings() -> None:
    """Loading with assign=True and leaving the meta device replace the parameters."""
    state = S4D(8, lr=1e-3).state_dict()
    loaded, moved = S4D(8, lr=1e-3), S4D(8, lr=1e-3, device="meta").to_empty(
        device="cpu"
    )
    loaded.load_state_dict(state, assign=True)
    for layer in (loaded, moved):
        assert layer.kernel.B._optim == {"weight_decay": 0.0, "lr": 0.001}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_layer_made_without_memory_gets_some(dtype: torch.dtype) -> None:
    layer = S4D(8, device="meta", dtype=dtype).to_empty(device="cpu")
    assert {p.dtype for p in layer.parameters()} == {dtype}
    assert {p.device.type for p in layer.parameters()} == {"cpu"}
