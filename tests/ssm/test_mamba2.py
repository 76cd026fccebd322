"""Mamba-2: against transformers' layer and a loop over the frames, and its promises."""

import copy
from typing import Any, Callable

import pytest
import torch
import torch.nn.functional as F
from espnet2.torch_utils.initialize import initialize
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from espnet_residuals.config import ConfigError
from espnet_residuals.ssm import Mamba2
from espnet_residuals.ssm.selective_scan import SelectiveScan

D_MODEL, LENGTH = 8, 200


def layer(**options: Any) -> Mamba2:
    return Mamba2(D_MODEL, **{"d_state": 4, "head_dim": 4, **options})


def moved(model: Mamba2) -> Mamba2:
    """Move every parameter away from its start, where dt is the same in all frames."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


def loop(scan: SelectiveScan, xBC: Tensor, dt: Tensor) -> Tensor:
    """Scan one sequence, (length, channels), frame by frame."""
    hidden = scan.n_head * scan.head_dim
    padded = F.pad(xBC, (0, 0, scan.d_conv - 1, 0))
    weight, bias = scan.conv1d.weight.squeeze(1), scan.conv1d.bias
    state = xBC.new_zeros(scan.n_head, scan.head_dim, scan.d_state)
    outputs = []
    for t in range(len(xBC)):
        frame = F.silu((weight * padded[t : t + scan.d_conv].T).sum(1) + bias)
        x = frame[:hidden].view(scan.n_head, scan.head_dim)
        B, C = frame[hidden:].chunk(2)
        step = F.softplus(dt[t] + scan.dt_bias)[:, None, None]
        decay = (-step * scan.A_log.exp()[:, None, None]).exp()
        state = decay * state + step * x[..., None] * B
        outputs.append((state @ C + scan.D[:, None] * x).flatten())
    return torch.stack(outputs)


def by_loop(model: Mamba2, x: Tensor) -> Tensor:
    """Return the output for one sequence, (length, d_model)."""
    hidden = model.out_proj.in_features
    z, xBC, dt = model.in_proj(x).split(
        [hidden, hidden + 2 * model.d_state, model.n_head], dim=-1
    )
    y = loop(model, xBC, dt)
    if model.reverse is not None:
        y = y + loop(model.reverse, xBC.flip(0), dt.flip(0)).flip(0)
    gated = y * F.silu(z)
    rms = (gated.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return model.out_proj(gated / rms * model.norm.weight)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("d_conv", [1, 4])
def test_batch_is_what_a_loop_over_each_utterance_gives(
    d_conv: int, bidirectional: bool
) -> None:
    model = moved(layer(bidirectional=bidirectional, d_conv=d_conv)).double()
    x, lengths = torch.randn(3, 100, D_MODEL).double(), [100, 65, 1]
    x[1, 65:], x[2, 1:] = float("nan"), float("inf")
    y = model(x, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        expected = by_loop(model, x[row, :length])
        torch.testing.assert_close(y[row, :length], expected)


@pytest.mark.parametrize("d_conv", [2, 4])
def test_transformers_layer_gives_the_same_with_the_same_parameters(
    d_conv: int,
) -> None:
    pytest.importorskip("transformers")
    from transformers import Mamba2Config
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

    ours = moved(Mamba2(16, d_state=8, head_dim=4, d_conv=d_conv))
    config = Mamba2Config(
        hidden_size=16,
        state_size=8,
        head_dim=4,
        num_heads=8,
        conv_kernel=d_conv,
        n_groups=1,
        chunk_size=32,
        num_hidden_layers=1,
    )
    theirs = Mamba2Mixer(config, layer_idx=0)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 150, 16)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    gradients = []
    for model in (ours, theirs):
        model(x).square().sum().backward()
        gradients.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(
            gradients[0][name], gradient, rtol=1e-3, atol=1e-3, msg=name
        )


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, LENGTH), max_size=8).map(sorted))
def test_any_split_equals_the_whole(cuts: list[int]) -> None:
    torch.manual_seed(0)
    model = moved(layer())
    x = torch.randn(2, LENGTH, D_MODEL)
    state, outputs, bounds = model.default_state(2), [], [0, *cuts, LENGTH]
    for begin, end in zip(bounds, bounds[1:]):
        y, state = model.forward_chunk(x[:, begin:end], state)
        outputs.append(y)
    got = torch.cat(outputs, dim=1)
    torch.testing.assert_close(got, model(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("d_conv", [1, 4])
def test_step_by_step_equals_the_whole(d_conv: int) -> None:
    model = moved(layer(d_conv=d_conv))
    x = torch.randn(3, 70, D_MODEL)
    state, frames = model.default_state(3), []
    for t in range(x.size(1)):
        y, state = model.step(x[:, t], state)
        frames.append(y)
    got = torch.stack(frames, dim=1)
    torch.testing.assert_close(got, model(x), rtol=1e-4, atol=1e-5)


def test_a_recording_longer_than_a_piece_equals_the_whole() -> None:
    model = moved(layer())
    x = torch.randn(1, 2500, D_MODEL)
    y, _ = model.forward_chunk(x, model.default_state(1))
    torch.testing.assert_close(y, model(x), rtol=1e-4, atol=1e-5)


def test_state_is_not_changed_in_place() -> None:
    model = moved(layer())
    _, state = model.forward_chunk(torch.randn(1, 5, D_MODEL), model.default_state(1))
    before = [tensor.clone() for tensor in state]
    model.forward_chunk(torch.randn(1, 9, D_MODEL), state)
    assert all(torch.equal(one, other) for one, other in zip(state, before))


def test_layer_that_looks_ahead_has_no_state() -> None:
    with pytest.raises(ConfigError, match="^bidirectional: .*set it to false"):
        layer(bidirectional=True).default_state(1)


def test_state_dtype_follows_the_frames() -> None:
    state = layer().default_state(1, dtype=torch.bfloat16)
    assert [t.dtype for t in state] == [torch.bfloat16, torch.float32]
    state = layer().double().default_state(1)
    assert [t.dtype for t in state] == [torch.float64, torch.float64]


def test_unidirectional_layer_does_not_look_ahead_and_the_other_does() -> None:
    x = torch.randn(1, 100, D_MODEL)
    changed = x.clone()
    changed[:, 60:] = 0
    for bidirectional in (False, True):
        model = layer(bidirectional=bidirectional)
        is_same = torch.allclose(model(x)[:, :60], model(changed)[:, :60], atol=1e-6)
        assert is_same != bidirectional


@pytest.mark.parametrize("lengths", [[1, 1], [7, 0], [300, 1]])
def test_extreme_lengths_stay_finite_forward_and_backward(lengths: list[int]) -> None:
    model = layer(bidirectional=True)
    x = torch.zeros(2, max(lengths), D_MODEL, requires_grad=True)
    y = model(x, torch.tensor(lengths))
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("start_gain", [1.0, None])
def test_every_parameter_gets_a_gradient(start_gain: Any) -> None:
    model = layer(bidirectional=True, start_gain=start_gain)
    model(torch.randn(2, 20, D_MODEL)).pow(3).sum().backward()
    assert [n for n, p in model.named_parameters() if not p.grad.abs().sum() > 0] == []


def test_gradients_of_the_input_and_every_parameter_in_float64() -> None:
    model = moved(Mamba2(2, d_state=2, head_dim=2, bidirectional=True)).double()
    x = torch.randn(2, 9, 2, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in model.named_parameters()]

    def output(x: Tensor, *parameters: Tensor) -> Tensor:
        named = dict(zip(names, parameters))
        y: Tensor = torch.func.functional_call(model, named, (x, torch.tensor([9, 4])))
        return y

    assert torch.autograd.gradcheck(output, (x, *model.parameters()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_autocast_is_as_good_as_its_dtype(
    bidirectional: bool, dtype: torch.dtype
) -> None:
    model = Mamba2(64, bidirectional=bidirectional)
    x, lengths = torch.randn(2, 100, 64), torch.tensor([100, 60])
    with torch.autocast("cpu", dtype=dtype):
        y = model(x, lengths)
        assert model(x.to(dtype), lengths).dtype == dtype
        chunk = None
        if not bidirectional:
            chunk, _ = model.forward_chunk(x[:1], model.default_state(1))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), model(x, lengths), rtol=0, atol=0.05)
    if chunk is not None:
        torch.testing.assert_close(chunk, y[:1], rtol=0, atol=0.05)


def test_weights_in_half_precision_give_nearly_the_same() -> None:
    model = Mamba2(64)
    x = torch.randn(2, 100, 64)
    expected = model(x)
    y = model.bfloat16()(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), expected, rtol=0, atol=0.1)


def test_dt_and_A_start_where_the_authors_have_them() -> None:
    model = Mamba2(512, head_dim=1, dt_min=0.01, dt_max=0.1)
    dt, log_decay = model.steps()
    assert 0.0099 < dt.min() < 0.011 and 0.09 < dt.max() < 0.101
    assert dt.log().mean().exp().item() == pytest.approx(0.001**0.5, rel=0.1)
    A = log_decay / dt
    assert -16 < A.min() < -15 and -2 < A.max() < -1
    assert torch.equal(model.D, torch.ones_like(model.D))


@pytest.mark.parametrize("kind", ["white", "correlated"])
def test_change_in_a_frame_comes_out_in_that_frame_and_much_as_it_was(
    kind: str,
) -> None:
    """The correlation with the best linear guess; the feed-forward layer's is 0.84."""
    model, x = Mamba2(64, bidirectional=True), torch.randn(8, 200, 64)
    if kind == "correlated":
        for t in range(1, x.size(1)):
            x[:, t] = 0.9 * x[:, t - 1] + (1 - 0.81) ** 0.5 * x[:, t]
    change = torch.zeros_like(x)
    change[:, 100] = torch.randn(8, 64)
    with torch.no_grad():
        y = model(x)
        effect = (model(x + change) - y).square().sum(dim=(0, 2))
    assert effect[100] > 0.95 * effect.sum()
    frames, output = x.flatten(0, 1), y.flatten(0, 1)
    guess = frames @ torch.linalg.lstsq(frames, output).solution
    assert guess.square().sum() > 0.6 * output.square().sum()


@pytest.mark.parametrize("start_gain", [0.5, None])
def test_espnets_init_leaves_the_start(start_gain: Any) -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = Mamba2(64, bidirectional=True, start_gain=start_gain)

    model = Model()
    initialize(model, "xavier_uniform")
    for direction in model.layer._directions():
        assert torch.equal(direction.D, torch.ones_like(direction.D))
        dt, log_decay = direction.steps()
        assert 0.001 <= dt.min() and dt.max() <= 0.1001 and (log_decay < 0).all()
    power = model.layer(torch.randn(4, 100, 64)).square().mean().item()
    if start_gain is not None:
        assert power == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize(
    "made_anew",
    [
        copy.deepcopy,
        lambda model: model.double(),
        lambda model: model.to_empty(device="cpu"),
    ],
    ids=["copy", "double", "to_empty"],
)
def test_dt_A_and_D_have_no_weight_decay(made_anew: Callable[[Mamba2], Mamba2]) -> None:
    model = made_anew(layer(bidirectional=True))
    marked = {n for n, p in model.named_parameters() if hasattr(p, "_optim")}
    names = {"dt_bias", "A_log", "D"}
    assert marked == names | {f"reverse.{name}" for name in names}
    assert model.reverse.D._optim == {"weight_decay": 0.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head_dim": 5}, r"head_dim: must divide .*=16, as 4 does, got 5"),
        ({"head_dim": 0}, r"head_dim: must be an integer >= 1, got 0"),
        ({"expand": 0}, r"expand: must be an integer >= 1, got 0"),
        ({"expand": 1.5}, r"expand: must be an integer >= 1, got 1\.5"),
        ({"d_state": 0}, r"d_state: must be an integer >= 1, got 0"),
        ({"d_conv": 0}, r"d_conv: must be an integer >= 1, got 0"),
        ({"dt_min": 0}, r"dt_min: must be a finite number > 0, got 0"),
        ({"dt_max": 1e-4}, r"dt_max: must be a finite number >= 0\.001, got 0\.0001"),
        ({"bidirectional": 1}, r"bidirectional: must be true or false, got 1"),
    ],
)
def test_wrong_option_is_refused_with_what_is_allowed(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        layer(**options)


def test_fewer_features_than_a_head_has_make_one_head() -> None:
    assert Mamba2(8).n_head == 1


def test_layer_is_built_without_memory_and_started_when_it_has_some() -> None:
    with torch.device("meta"):
        model = Mamba2(64, bidirectional=True)
    model.to_empty(device="cpu").reset_parameters()
    power = model(torch.randn(4, 100, 64)).square().mean().item()
    assert power == pytest.approx(1.0, rel=0.1)
