"""What ESPnet's models ask of an encoder."""

from typing import Any, Optional

import pytest
import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
    TooShortUttError,
)
from espnet2.torch_utils.initialize import initialize
from torch import nn

from espnet_residuals import ConfigError, S4Encoder
from espnet_residuals.encoder.input_layer import INPUT_LAYERS

FEATURES = 40


def encoder(**options: Any) -> S4Encoder:
    settings = {"output_size": 16, "num_blocks": 2, "residual": "decay", **options}
    return S4Encoder(FEATURES, **settings).eval()


def test_bare_encoder_has_a_default_for_every_option() -> None:
    model = S4Encoder(input_size=80)
    assert isinstance(model, AbsEncoder) and model.output_size() == 256
    ys, olens, state = model(torch.randn(2, 100, 80), torch.tensor([100, 60]))
    assert ys.shape == (2, 24, 256) and olens.tolist() == [24, 14] and state is None
    ys.sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_blocks", [1, 12])
@pytest.mark.parametrize("residual", ["decay", "residual"])
def test_utterance_encodes_the_same_alone_and_beside_a_longer_one(
    bidirectional: bool, num_blocks: int, residual: str
) -> None:
    """Padding that leaks would change a transcript with its batch neighbours.

    In float64, where no rounding hides a leak.
    """
    torch.manual_seed(0)
    layer = [{"_name_": "s4d", "bidirectional": bidirectional}, "ff"]
    model = encoder(num_blocks=num_blocks, layer=layer, residual=residual).double()
    x = torch.randn(2, 203, FEATURES, dtype=torch.float64)
    x[1, 97:] = 0
    both, olens, _ = model(x, torch.tensor([203, 97]))
    alone, olen, _ = model(x[1:, :97], torch.tensor([97]))
    assert olens[1] == olen[0]
    torch.testing.assert_close(both[1:, : olen[0]], alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("input_layer", INPUT_LAYERS)
def test_every_input_layer_gives_lengths_that_fit_its_output(
    input_layer: Optional[str],
) -> None:
    model = encoder(input_layer=input_layer, num_blocks=1)
    lengths = torch.tensor([100, 61, 33])
    if input_layer == "embed":
        xs = torch.randint(FEATURES, (3, 110))
    else:
        xs = torch.randn(3, 110, FEATURES)
    ys, olens, _ = model(xs, lengths)
    assert ys.shape == (3, int(olens.max()), 16)
    for row, length in enumerate(lengths):
        alone, olen, _ = model(xs[row : row + 1, :length], length[None])
        assert olen[0] == olens[row]
        torch.testing.assert_close(ys[row, : olen[0]], alone[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("input_layer", [None, "linear", "conv2d", "conv1d2"])
def test_output_does_not_depend_on_absolute_time(input_layer: Optional[str]) -> None:
    """A positional encoding inside the subsampling would show here."""
    model = encoder(input_layer=input_layer, layer="ff")
    frame = torch.randn(1, 1, FEATURES)
    ys, _, _ = model(frame.expand(1, 120, -1).contiguous(), torch.tensor([120]))
    torch.testing.assert_close(ys, ys[:, :1].expand_as(ys), rtol=1e-4, atol=1e-5)


def test_too_short_utterance_beside_a_long_one_gets_length_zero() -> None:
    model = encoder().train()
    ys, olens, _ = model(torch.randn(2, 100, FEATURES), torch.tensor([100, 3]))
    assert olens.tolist() == [24, 0] and (ys[1] == 0).all()
    ys.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_batch_of_too_short_utterances_is_refused_with_both_numbers() -> None:
    with pytest.raises(TooShortUttError, match="6 frames.*needs 7") as refusal:
        encoder()(torch.randn(2, 50, FEATURES), torch.tensor([6, 3]))
    assert (refusal.value.actual_size, refusal.value.limit) == (6, 7)


def test_intermediate_outputs_are_those_behind_the_named_blocks() -> None:
    model = encoder(num_blocks=3, interctc_layer_idx=[1, 2])
    (ys, outs), olens, _ = model(torch.randn(2, 100, FEATURES), torch.tensor([100, 60]))
    assert [index for index, _ in outs] == [1, 2]
    assert all(out.shape == ys.shape for _, out in outs)
    shallow = encoder(num_blocks=2)
    shallow.load_state_dict(model.state_dict(), strict=False)
    torch.manual_seed(0)
    x, lengths = torch.randn(1, 100, FEATURES), torch.tensor([100])
    (_, outs), _, _ = model(x, lengths)
    torch.testing.assert_close(outs[1][1], shallow(x, lengths)[0])


def test_self_conditioning_feeds_posteriors_back() -> None:
    model = encoder(interctc_layer_idx=[1], interctc_use_conditioning=True)
    ctc = CTC(odim=10, encoder_output_size=16)
    model.conditioning_layer = nn.Linear(10, 16)
    x, lengths = torch.randn(2, 100, FEATURES), torch.tensor([100, 60])
    (before, _), _, _ = model(x, lengths, ctc=ctc)
    nn.init.zeros_(model.conditioning_layer.weight)
    nn.init.zeros_(model.conditioning_layer.bias)
    (without, _), _, _ = model(x, lengths, ctc=ctc)
    assert not torch.allclose(before, without)
    with pytest.raises(ValueError, match="needs the model's CTC"):
        model(x, lengths)


def test_espnets_init_does_not_destroy_the_state_space_initialisation() -> None:
    model, fresh = encoder(), encoder()
    initialize(model, "xavier_uniform")
    kernel, expected = (m.stack.sublayers[0].layer.kernel for m in (model, fresh))
    assert torch.equal(kernel.A_imag, expected.A_imag)
    assert torch.equal(kernel.log_A_real, expected.log_A_real)


def test_same_seed_gives_same_losses() -> None:
    def losses() -> list[float]:
        torch.manual_seed(0)
        model = encoder(dropout_rate=0.1, drop_path=0.1).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        history = []
        for _ in range(3):
            x = torch.randn(2, 60, FEATURES)
            loss = model(x, torch.tensor([60, 40]))[0].square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
        return history

    assert losses() == losses()


def test_dynamic_quantisation_as_espnet_does_it_changes_little() -> None:
    model = encoder(residual="highway")
    quantized = torch.quantization.quantize_dynamic(
        model, qconfig_spec={nn.Linear}, dtype=torch.qint8
    )
    x, lengths = torch.randn(1, 100, FEATURES), torch.tensor([100])
    exact, got = model(x, lengths)[0], quantized(x, lengths)[0]
    names = [type(m).__module__ for m in quantized.modules()]
    assert sum("quantized" in name for name in names) >= 6
    assert (got - exact).abs().mean() / exact.abs().mean() < 0.1


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_block": 4}, r"encoder_conf\.num_block: .*got 4.*'num_blocks'"),
        ({"input_layer": "conv3d"}, r"encoder_conf\.input_layer: .*got 'conv3d'"),
        ({"interctc_layer_idx": [2]}, r"encoder_conf\.interctc_layer_idx: .*got 2"),
        ({"interctc_layer_idx": "1"}, r"encoder_conf\.interctc_layer_idx: .*got '1'"),
        ({"interctc_layer_idx": [True]}, r"encoder_conf\.interctc_layer_idx: .*True"),
        ({"interctc_use_conditioning": 1}, r"encoder_conf\.interctc_use_.*: .*got 1"),
        ({"output_size": 0}, r"encoder_conf\.output_size: .*>= 1, got 0"),
        ({"output_size": "8"}, r"encoder_conf\.output_size: .*>= 1, got '8'"),
        ({"num_blocks": "2"}, r"encoder_conf\.num_blocks: .*>= 1, got '2'"),
        ({"norm": False}, r"encoder_conf\.norm: .*got False"),
        ({"prenorm": "yes"}, r"encoder_conf\.prenorm: .*got 'yes'"),
        ({"dropout_rate": "some"}, r"encoder_conf\.dropout_rate: .*got 'some'"),
        ({"drop_path": 1}, r"encoder_conf\.drop_path: .*got 1"),
        ({"residual": {"_name_": "decay", "power": -1}}, r"residual\.power: .*got -1"),
    ],
)
def test_error_names_the_key_in_the_yaml(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        encoder(**options)


def test_rates_that_yaml_reads_as_text_are_taken_as_numbers() -> None:
    model = encoder(dropout_rate="1e-1", drop_path="2e-1", residual="residual")
    assert {m.p for m in model.modules() if isinstance(m, nn.Dropout)} == {0.1}
    assert {sublayer.drop_path.rate for sublayer in model.stack.sublayers} == {0.2}


@pytest.mark.parametrize("lengths", [[50, 51], [50, -1], [1000, 50]])
@pytest.mark.parametrize("input_layer", [None, "linear", "conv2d"])
def test_lengths_that_the_batch_does_not_have_are_refused(
    input_layer: Any, lengths: list[int]
) -> None:
    encoder = S4Encoder(20, 8, 1, input_layer, "ff")
    with pytest.raises(ValueError, match="lengths must be from 0 to 50"):
        encoder(torch.zeros(2, 50, 20), torch.tensor(lengths))


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="the batch is empty"):
        S4Encoder(20, 8, 1)(torch.zeros(0, 50, 20), torch.zeros(0, dtype=torch.long))


def test_conditioning_on_no_block_is_told() -> None:
    with pytest.warns(UserWarning, match="use_conditioning has no effect without"):
        S4Encoder(20, 8, 2, interctc_use_conditioning=True)
