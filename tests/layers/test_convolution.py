"""The Conformer's convolution module beside ESPnet's: what it computes and sees."""

from typing import Any, Optional

import pytest
import torch
from espnet2.legacy.nets.pytorch_backend.conformer import convolution as espnet
from espnet2.legacy.nets.pytorch_backend.conformer.swish import Swish
from espnet2.torch_utils.initialize import initialize
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from espnet_residuals.config import ConfigError
from espnet_residuals.layers import build_layer
from espnet_residuals.layers.convolution import ConvolutionModule

LENGTH = 40
CUTS = st.lists(st.integers(0, LENGTH), max_size=6).map(sorted)


@st.composite
def reaches(draw: st.DrawFn) -> dict[str, Optional[int]]:
    """Draw a kernel and how far it looks ahead."""
    kernel = draw(st.integers(1, 50))
    look_ahead = draw(st.none() | st.integers(0, kernel - 1))
    return {"kernel": kernel, "look_ahead": look_ahead}


def espnets(d_model: int, kernel: int) -> Any:
    return espnet.ConvolutionModule(d_model, kernel, Swish())


NAMES = {
    "linear_in": "pointwise_conv1",
    "depthwise": "depthwise_conv",
    "norm": "norm",
    "linear_out": "pointwise_conv2",
}


def as_ours(theirs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return parameters, or gradients, under the names and in the shapes of ours."""
    renamed = {
        name.replace(their_name, our_name): value
        for our_name, their_name in NAMES.items()
        for name, value in theirs.items()
        if name.startswith(f"{their_name}.")
    }
    return {
        name: value.squeeze(-1) if name.startswith("linear") else value
        for name, value in renamed.items()
    }


def gradients(model: nn.Module, y: Tensor) -> dict[str, Tensor]:
    names, parameters = zip(*model.named_parameters(), strict=True)
    of_each = torch.autograd.grad(y.pow(3).sum(), parameters)
    return dict(zip(names, of_each, strict=True))


@pytest.mark.parametrize(
    ("kernel", "dtype", "error"),
    [(31, torch.float32, 1e-6), (1, torch.float64, 1e-12), (3, torch.float64, 1e-12)],
)
@pytest.mark.parametrize("training", [True, False])
def test_espnets_parameters_give_espnets_output_and_gradients(
    training: bool, kernel: int, dtype: torch.dtype, error: float
) -> None:
    theirs = espnets(16, kernel).to(dtype)
    theirs(torch.randn(2, 50, 16, dtype=dtype) + 1)  # moves the running statistics
    ours = ConvolutionModule(16, kernel, norm="batch").to(dtype)
    ours.load_state_dict(as_ours(theirs.state_dict()))
    theirs.train(training), ours.train(training)
    x = torch.randn(3, 50, 16, dtype=dtype)
    y, expected = ours(x), theirs(x)
    torch.testing.assert_close(y, expected, rtol=error, atol=error)
    of_ours, of_theirs = gradients(ours, y), as_ours(gradients(theirs, expected))
    torch.testing.assert_close(of_ours, of_theirs, rtol=1e-4, atol=100 * error)
    state = as_ours(theirs.state_dict())
    torch.testing.assert_close(dict(ours.state_dict()), state, rtol=error, atol=error)


def test_espnets_mask_hides_the_same_frames() -> None:
    theirs, ours = espnets(8, 15).eval(), ConvolutionModule(8, 15, "batch").eval()
    ours.load_state_dict(as_ours(theirs.state_dict()))
    x, lengths = torch.randn(2, 50, 8), torch.tensor([50, 30])
    mask = torch.arange(50) < lengths.unsqueeze(-1)
    y, expected = ours(x, lengths), theirs(x, mask.unsqueeze(1))
    torch.testing.assert_close(y[mask], expected[mask], rtol=1e-6, atol=1e-6)


def test_without_start_gain_parameters_are_drawn_as_espnet_draws_them() -> None:
    torch.manual_seed(1)
    theirs = as_ours(espnets(16, 7).state_dict())
    torch.manual_seed(1)
    ours = ConvolutionModule(16, 7, norm="batch", start_gain=None)
    torch.testing.assert_close(dict(ours.state_dict()), theirs, rtol=0, atol=0)


@given(options=reaches())
def test_output_sees_the_frames_that_kernel_and_look_ahead_name_and_no_others(
    options: dict[str, Any],
) -> None:
    layer = ConvolutionModule(4, **options, start_gain=None).double()
    x = torch.randn(1, 120, 4, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x)[:, 60].sum(), x)
    seen = gradient.abs().sum(dim=(0, 2)).nonzero().squeeze(1).tolist()
    kernel, ahead = options["kernel"], options["look_ahead"]
    ahead = (kernel - 1) // 2 if ahead is None else ahead
    assert seen == list(range(60 - (kernel - 1 - ahead), 60 + ahead + 1))


@given(options=reaches(), length=st.integers(0, LENGTH))
@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_utterance_alone_gives_what_it_gives_in_a_padded_batch(
    norm: str, options: dict[str, Any], length: int
) -> None:
    layer = ConvolutionModule(8, **options, norm=norm).eval()
    x = torch.randn(2, LENGTH, 8)
    y = layer(x, torch.tensor([LENGTH, length]))
    torch.testing.assert_close(
        y[1:, :length], layer(x[1:, :length]), rtol=1e-5, atol=1e-5
    )


def test_padding_changes_nothing_in_training_either() -> None:
    layer = ConvolutionModule(8, norm="batch").train()
    x, lengths = torch.randn(2, LENGTH, 8), torch.tensor([LENGTH - 5, 20])
    other = torch.where(torch.arange(LENGTH)[:, None] < lengths[:, None, None], x, 9.0)
    longer = nn.functional.pad(other, (0, 0, 0, 30), value=-7.0)
    y, same = layer(x, lengths), layer(longer, lengths)
    for i, length in enumerate(lengths):
        torch.testing.assert_close(
            y[i, :length], same[i, :length], rtol=1e-5, atol=1e-5
        )


@given(options=reaches(), cuts=CUTS)
@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_any_chunks_and_the_finish_equal_the_whole(
    norm: str, options: dict[str, Any], cuts: list[int]
) -> None:
    layer = ConvolutionModule(8, **options, norm=norm).eval()
    x = torch.randn(2, LENGTH, 8)
    bounds, outputs, state = [0, *cuts, LENGTH], [], layer.default_state(2)
    for begin, end in zip(bounds, bounds[1:]):
        y, state = layer.forward_chunk(x[:, begin:end], state)
        outputs.append(y)
        given_so_far = sum(y.size(1) for y in outputs)
        assert given_so_far == max(0, end - layer.look_ahead)
        assert state.size(1) <= layer.kernel - 1
    outputs.append(layer.finish(state))
    torch.testing.assert_close(
        torch.cat(outputs, dim=1), layer(x), rtol=1e-5, atol=1e-5
    )


def test_state_is_not_changed_so_a_stream_can_branch() -> None:
    layer, x = ConvolutionModule(8, kernel=5), torch.randn(1, 20, 8)
    _, state = layer.forward_chunk(x, layer.default_state(1))
    before = state.clone()
    first, _ = layer.forward_chunk(x, state)
    layer.finish(state)
    again, _ = layer.forward_chunk(x, state)
    assert torch.equal(state, before) and torch.equal(first, again)


def test_state_keeps_its_dtype_under_autocast() -> None:
    layer = ConvolutionModule(8, kernel=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        state = layer.default_state(1, dtype=torch.bfloat16)
        y, state = layer.forward_chunk(torch.randn(1, 20, 8), state)
    assert state.dtype == torch.bfloat16
    assert layer.double().default_state(1).dtype == torch.float64


def test_no_frame_gives_no_frame() -> None:
    layer = ConvolutionModule(8)
    assert layer(torch.zeros(2, 0, 8), torch.tensor([0, 0])).shape == (2, 0, 8)
    assert layer.finish(layer.default_state(2)).shape == (2, 0, 8)


def frames(kind: str, d_model: int) -> Tensor:
    """Return frames of power 1, as LayerNorm leaves them."""
    x = torch.randn(4, 300, d_model)
    if kind == "correlated":
        for t in range(1, x.size(1)):
            x[:, t] = 0.9 * x[:, t - 1] + (1 - 0.81) ** 0.5 * x[:, t]
    return nn.functional.layer_norm(x, (d_model,))


@pytest.mark.parametrize("kind", ["white", "correlated"])
@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("options", [{}, {"kernel": 4, "look_ahead": 0}], ids=str)
@pytest.mark.parametrize("d_model", [32, 96, 256, 1024])
def test_branch_starts_with_the_power_asked_for(
    d_model: int, options: dict[str, Any], norm: str, kind: str
) -> None:
    layer = ConvolutionModule(d_model, norm=norm, start_gain=0.5, **options)
    power = layer(frames(kind, d_model)).detach().square().mean().item()
    assert power == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("kind", ["white", "correlated"])
@pytest.mark.parametrize("kernel", [3, 31])
def test_other_frames_start_with_a_hundredth_of_the_power_of_a_frames_own(
    kernel: int, kind: str
) -> None:
    layer = ConvolutionModule(1024, kernel)
    taps = layer.depthwise.weight.detach()[:, 0].double()
    own = taps[:, layer.look_back].clone()
    taps[:, layer.look_back] = 0.0
    lags = torch.arange(kernel, dtype=torch.float64)
    correlation = 0.9 ** (lags - lags[:, None]).abs()
    if kind == "white":
        correlation = torch.eye(kernel, dtype=torch.float64)
    power = torch.einsum("di,ij,dj->d", taps, correlation, taps).mean().item()
    assert own.eq(1.0).all() and power == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("look_ahead", [None, 0, 30])
def test_frame_hands_on_what_happens_in_it(look_ahead: Optional[int]) -> None:
    layer = ConvolutionModule(64, look_ahead=look_ahead)
    x = frames("correlated", 64)
    change = torch.zeros_like(x)
    change[:, 150] = torch.randn(4, 64)
    moved = (layer(x + change) - layer(x)).square().sum(dim=(0, 2))
    assert moved[150] > 0.95 * moved.sum()


def test_espnets_init_leaves_the_start() -> None:
    model = nn.Sequential(ConvolutionModule(64, norm="batch"))
    initialize(model, "xavier_uniform")
    power = model[0](frames("white", 64)).detach().square().mean().item()
    assert power == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("norm", ["layer", "batch"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_the_output_of_the_whole(
    dtype: torch.dtype, norm: str
) -> None:
    layer = ConvolutionModule(16, norm=norm)
    x, lengths = torch.randn(2, LENGTH, 16), torch.tensor([LENGTH, 25])
    expected = layer(x, lengths)
    with torch.autocast("cpu", dtype=dtype):
        y = layer(x, lengths)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.05)
    y.float().square().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())
    y = layer.to(dtype)(x.to(dtype), lengths)
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), expected, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_gradients_are_those_of_differences(norm: str) -> None:
    layer = ConvolutionModule(3, kernel=3, norm=norm, start_gain=None).double()
    x = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def valid_frames(x: Tensor, *values: Tensor) -> Tensor:
        named = dict(zip(names, values, strict=True))
        y = torch.func.functional_call(layer, named, (x, torch.tensor([6, 4])))
        return torch.cat([y[0], y[1, :4]])

    assert torch.autograd.gradcheck(valid_frames, (x, *parameters))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": 0}, r"layer\.kernel: must be an integer >= 1, got 0"),
        ({"norm": "group"}, r"layer\.norm: must be one of layer, batch, got 'group'"),
        ({"look_ahead": -1}, r"layer\.look_ahead: must be an integer >= 0, got -1"),
        (
            {"kernel": 5, "look_ahead": 5},
            r"layer\.look_ahead: must be at most kernel - 1 = 4, got 5",
        ),
    ],
)
def test_wrong_option_is_refused_with_what_is_allowed(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build_layer({"_name_": "conv", **options}, 8)
