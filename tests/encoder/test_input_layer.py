"""The stream that the encoder starts from, beside ESPnet's."""

from collections import OrderedDict
from typing import Any, Optional

import pytest
import torch
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from espnet2.legacy.nets.pytorch_backend.transformer.embedding import (
    PositionalEncoding,
)
from espnet2.torch_utils.initialize import initialize
from torch import Tensor, nn

from espnet_residuals import ConfigError, S4Encoder
from espnet_residuals.encoder.input_layer import (
    FEWEST_FEATURES,
    INPUT_LAYERS,
    InputLayer,
)
from espnet_residuals.encoder.input_power import FEATURE_POWER, STREAM_POWER
from espnet_residuals.nn.lengths import valid_frames

FEATURES, SIZE = 40, 16


class NoPosition(PositionalEncoding):
    """ESPnet's positional encoding without the encoding."""

    def extend_pe(self, x: Tensor) -> None:
        self.pe: Any = torch.zeros(1, x.size(1), self.d_model)


@pytest.mark.parametrize(
    "input_layer", ["conv1d2", "conv2d", "conv2d1", "conv2d2", "conv2d6", "conv2d8"]
)
def test_features_of_the_former_start_enter_as_loud_as_in_espnets_encoders(
    input_layer: str,
) -> None:
    """With the former start, for comparisons."""
    ours = InputLayer(input_layer, FEATURES, SIZE, 0.1, start="s4").eval()
    theirs = TransformerEncoder(FEATURES, SIZE, input_layer=input_layer).eval().embed
    assert isinstance(theirs, nn.Module)
    for parent in list(theirs.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, PositionalEncoding):
                setattr(parent, name, NoPosition(SIZE, 0.1).eval())
    theirs.load_state_dict(ours.embed.state_dict(), strict=False)
    x = torch.randn(2, 80, FEATURES)
    torch.testing.assert_close(
        ours(x, torch.tensor([80, 80]))[0], theirs(x, torch.ones(2, 1, 80).bool())[0]
    )


@pytest.mark.parametrize("input_layer", ["linear", "embed"])
def test_other_inputs_are_scaled_by_the_same_factor(input_layer: str) -> None:
    layer = InputLayer(input_layer, FEATURES, SIZE, 0.0, start="s4")
    x = torch.randn(2, 30, FEATURES) if input_layer == "linear" else torch.arange(40)
    x = x if x.dim() > 1 else x[None].expand(2, -1)
    assert isinstance(layer.embed, nn.Sequential)
    unscaled = layer.embed[:-1](x)
    scaled, _ = layer(x, torch.tensor([x.size(1)] * 2))
    torch.testing.assert_close(scaled, 4.0 * unscaled)


def test_features_that_are_passed_on_are_not_scaled() -> None:
    x = torch.randn(2, 30, SIZE)
    y, _ = InputLayer(None, SIZE, SIZE, 0.1).eval()(x, torch.tensor([30, 30]))
    torch.testing.assert_close(y, x)


def without_factor(layer: nn.Module) -> OrderedDict[str, Tensor]:
    """Return a layer's state dict, with torch's versions of modules, but no factor."""
    stored: OrderedDict[str, Tensor] = layer.state_dict()  # type: ignore[assignment]
    del stored[next(name for name in stored if name.endswith("factor"))]
    return stored


def test_model_stored_without_the_factor_goes_on_without_it() -> None:
    new = InputLayer("linear", FEATURES, SIZE, 0.0, start="s4")
    stored: Any = without_factor(new)
    # Every module had this version when there was no factor.
    stored._metadata[""]["version"] = 1
    old = InputLayer("linear", FEATURES, SIZE, 0.0, start="s4")
    old.load_state_dict(stored)
    x, lengths = torch.randn(2, 30, FEATURES), torch.tensor([30, 30])
    torch.testing.assert_close(4.0 * old(x, lengths)[0], new(x, lengths)[0])


@pytest.mark.parametrize("has_versions", [True, False])
@pytest.mark.parametrize("input_layer", ["linear", "embed", "conv1d2", "conv2d"])
def test_parameters_alone_keep_the_factor_which_counts_as_missing(
    input_layer: str, has_versions: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As tools store them that average parameters and know nothing of buffers."""
    layer = InputLayer(input_layer, FEATURES, SIZE, 0.0, start="s4")
    stored = without_factor(layer)
    fresh = InputLayer(input_layer, FEATURES, SIZE, 0.0, start="s4")
    with pytest.raises(RuntimeError, match=r"Missing key.*factor"):
        fresh.load_state_dict(stored if has_versions else dict(stored))
    factors = [v for k, v in fresh.state_dict().items() if k.endswith("factor")]
    assert factors == [4.0]
    assert "factor, which stays as it is" in caplog.text


@pytest.mark.parametrize("input_layer", ["linear", "conv1d2", "conv2d"])
def test_a_part_of_the_layer_keeps_the_factor_and_warns_of_nothing(
    input_layer: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As ESPnet stores adapters alone, and gives them back with strict=False."""
    layer = InputLayer(input_layer, FEATURES, SIZE, 0.0, start="s4")
    name, value = next(iter(layer.state_dict().items()))
    missing = layer.load_state_dict({name: value}, strict=False).missing_keys
    assert any(key.endswith("factor") for key in missing)
    factors = [v for k, v in layer.state_dict().items() if k.endswith("factor")]
    assert factors == [4.0] and not caplog.text


@pytest.mark.parametrize("input_layer", ["linear", "embed", "conv1d2", "conv2d"])
def test_loading_another_part_of_the_model_leaves_the_factor(input_layer: str) -> None:
    """As when ESPnet2 resumes with adapters, or only a decoder is loaded."""
    model = nn.ModuleDict(
        {"embed": InputLayer(input_layer, FEATURES, SIZE, 0.0), "b": nn.Linear(1, 1)}
    )
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    others = {name: before[name] for name in ("b.weight", "b.bias")}
    missing = model.load_state_dict(others, strict=False).missing_keys
    assert any(name.endswith("factor") for name in missing)
    after = model.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_no_frame_has_the_dtype_of_frames() -> None:
    layer = InputLayer("embed", FEATURES, SIZE, 0.0).double()
    past = layer.no_features(1, torch.device("cpu"), torch.float64)
    for n_symbols in (0, 3):
        symbols = torch.zeros(1, n_symbols, dtype=torch.long)
        assert layer.forward_chunk(symbols, past)[0].dtype == torch.float64


@pytest.mark.parametrize("width", [48, 256])
@pytest.mark.parametrize("input_layer", [n for n in INPUT_LAYERS if n is not None])
def test_stream_starts_with_its_power_for_log_mel_features(
    input_layer: str, width: int
) -> None:
    x = FEATURE_POWER**0.5 * torch.randn(2, 200, 40)
    if input_layer == "embed":
        x = torch.randint(40, (2, 200))
    powers = [
        InputLayer(input_layer, 40, width, 0.0)(x, torch.tensor([200, 200]))[0]
        .square()
        .mean()
        .item()
        for _ in range(10)
    ]
    assert sum(powers) / len(powers) == pytest.approx(STREAM_POWER, rel=0.25)


def test_former_start_scales_as_espnets_encoders_do() -> None:
    layer = InputLayer("conv2d", 40, 64, 0.0, start="s4")
    assert [factor.item() for factor in layer.buffers()] == [8.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("input_layer", [*INPUT_LAYERS])
def test_what_stands_in_the_padding_is_not_in_the_gradients(
    input_layer: str, value: float
) -> None:
    layer = InputLayer(input_layer, FEATURES, SIZE, 0.0)
    lengths = torch.tensor([60, 45])
    gradients = []
    for padding in (0.0, value):
        if input_layer == "embed":
            feats: Tensor = torch.arange(120).remainder(FEATURES).view(2, 60)
            # No symbol: it would be looked up behind the end of the table.
            feats[1, 45:] = 0 if padding == 0.0 else FEATURES + 1
        else:
            feats = torch.linspace(-1, 1, 2 * 60 * FEATURES).view(2, 60, FEATURES)
            feats[1, 45:] = padding
            feats.requires_grad_()
        layer.zero_grad()
        x, olens = layer(feats, lengths)
        x.masked_fill(
            ~valid_frames(olens, x).unsqueeze(-1), 0.0
        ).square().sum().backward()
        gradients.append(
            [p.grad.clone() for p in (feats, *layer.parameters()) if p.grad is not None]
        )
    assert gradients[0]
    for expected, got in zip(*gradients, strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("input_layer", [k for k in INPUT_LAYERS if k != "embed"])
def test_too_few_features_are_refused_with_how_many_are_needed(
    input_layer: Optional[str],
) -> None:
    fewest = FEWEST_FEATURES.get(input_layer or "", 1)
    x, _ = InputLayer(input_layer, fewest, SIZE, 0.0)(
        torch.randn(2, 40, fewest), torch.tensor([40, 40])
    )
    assert x.isfinite().all()
    for input_size in (0, fewest - 1):
        with pytest.raises(ConfigError) as caught:
            S4Encoder(input_size, SIZE, 1, input_layer)
        assert caught.value.key == "encoder_conf.input_layer"
        assert f"at least {fewest} features" in caught.value.problem


def test_the_layers_that_so_few_features_can_have_are_named() -> None:
    with pytest.raises(ConfigError) as caught:
        S4Encoder(13, SIZE, 1, "conv2d8")
    assert str(caught.value) == (
        "encoder_conf.input_layer: conv2d8 needs at least 15 features, got "
        "input_size=13; so few can have null, linear, embed, conv1d1, conv1d2, "
        "conv1d3, conv2d, conv2d1, conv2d2, conv2d6"
    )


@pytest.mark.parametrize("width", [48, 256])
@pytest.mark.parametrize("input_layer", ["conv1d2", "conv2d", "conv2d8"])
def test_weights_start_as_large_as_those_of_the_stack(
    input_layer: str, width: int
) -> None:
    layer = InputLayer(input_layer, FEATURES, width, 0.0)
    for weight in layer.parameters():
        if weight.dim() > 1:
            assert weight.std() > 0.95 * width**-0.5


@pytest.mark.parametrize("input_layer", ["conv1d2", "conv2d", "conv2d8"])
def test_what_an_activation_gives_in_every_frame_is_not_handed_on(
    input_layer: str,
) -> None:
    """With torch's weights about half of the power is the same in all frames."""
    x = FEATURE_POWER**0.5 * torch.randn(8, 400, FEATURES)
    layer = InputLayer(input_layer, FEATURES, 64, 0.0)
    y, _ = layer(x, torch.tensor([400] * 8))
    assert y.mean(dim=(0, 1)).square().mean() < 0.2 * y.square().mean()


def test_map_of_one_input_behind_an_activation_keeps_it() -> None:
    layer = InputLayer("conv2d", FEWEST_FEATURES["conv2d"], 1, 0.0)
    assert all(p.isfinite().all() and p.any() for p in layer.parameters())


def changes_left(layer: InputLayer, x: Tensor) -> float:
    """Return how much of the stream changes, after ten steps towards a constant."""
    lengths = torch.tensor([x.size(1)] * len(x))
    target = 0.5 * torch.randn(SIZE)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.002)
    for _ in range(10):
        optimizer.zero_grad()
        (layer(x, lengths)[0] - target).square().mean().backward()
        optimizer.step()
    y, _ = layer(x, lengths)
    return (
        (y - y.mean(dim=1, keepdim=True)).square().mean() / y.square().mean()
    ).item()


@pytest.mark.parametrize("input_layer", ["conv1d2", "conv2d", "conv2d2"])
def test_ten_steps_of_adam_flatten_less_than_with_torchs_weights(
    input_layer: str,
) -> None:
    x, lengths = FEATURE_POWER**0.5 * torch.randn(2, 200, FEATURES), [200, 200]
    ours = InputLayer(input_layer, FEATURES, SIZE, 0.0)
    torchs = InputLayer(input_layer, FEATURES, SIZE, 0.0, start="s4")
    with torch.no_grad():
        sizes = [
            layer(x, torch.tensor(lengths))[0].square().mean().sqrt()
            for layer in (ours, torchs)
        ]
        next(torchs.buffers()).mul_(sizes[0] / sizes[1])
    assert changes_left(ours, x) > 1.5 * changes_left(torchs, x)


@pytest.mark.parametrize("input_layer", ["conv1d2", "conv2d", "conv2d8"])
def test_espnets_init_leaves_the_power_of_the_stream(input_layer: str) -> None:
    layer = InputLayer(input_layer, FEATURES, 64, 0.0)
    initialize(layer, "xavier_uniform")
    x = FEATURE_POWER**0.5 * torch.randn(2, 200, FEATURES)
    power = layer(x, torch.tensor([200, 200]))[0].square().mean().item()
    assert power == pytest.approx(STREAM_POWER, rel=0.5)


@pytest.mark.parametrize("input_layer", ["conv1d2", "conv2d", "conv2d8"])
def test_loud_features_stay_finite_in_half_precision(input_layer: str) -> None:
    layer = InputLayer(input_layer, FEATURES, 256, 0.0).half()
    y, _ = layer(30 * torch.randn(2, 80, FEATURES).half(), torch.tensor([80, 80]))
    assert y.isfinite().all()
