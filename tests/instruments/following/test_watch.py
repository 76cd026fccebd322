"""The sums behind the statistics, residual by residual, compiled or not."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from espnet_residuals import S4Encoder, register_residual, registry
from espnet_residuals.instruments.following.watch import Watch
from tests.encoder.training import LENGTHS, small_encoder, utterances
from tests.instruments.following.training import count_hooks

BATCH = nn.utils.rnn.pad_sequence(utterances(), batch_first=True)

# Its floor does not move from one pass to the next.
STILL_BYPASS = {"_name_": "bypass", "start": 0.1, "floor_first": 0.2}


def run(encoder: nn.Module, batch: Tensor = BATCH) -> None:
    ys, _, _ = encoder(batch, torch.tensor(LENGTHS))
    ys.sum().backward()


def statistics_of(encoder: S4Encoder, batch: Tensor = BATCH) -> dict[str, float]:
    watch = Watch(encoder)
    watch.is_on = True
    run(encoder, batch)
    watch.close()
    return watch.read()


@pytest.mark.parametrize("prenorm", [True, False])
@pytest.mark.parametrize(
    "residual",
    ["residual", "highway", "gru", "laurel_lr", "orthogonal", STILL_BYPASS],
    ids=str,
)
def test_statistics_are_those_of_what_passes(residual: Any, prenorm: bool) -> None:
    encoder = small_encoder(residual)
    for sublayer in encoder.stack.sublayers:
        sublayer.prenorm = prenorm
    copies = [copy.deepcopy(s.residual).eval() for s in encoder.stack.sublayers]
    seen: list[tuple[Tensor, ...]] = []
    for sublayer in encoder.stack.sublayers:
        sublayer.residual.register_forward_hook(lambda m, xy, z: seen.append((*xy, z)))
    outputs: list[Tensor] = []
    for sublayer in encoder.stack.sublayers:
        sublayer.register_forward_hook(lambda m, x, out: outputs.append(out))
    lengths = torch.tensor(LENGTHS)
    _, lengths = encoder.embed(BATCH, lengths)
    got = statistics_of(encoder)
    for i, (function, (x, y, z), out) in enumerate(zip(copies, seen, outputs), 1):
        kept = function(x, torch.zeros_like(y))
        energies = [
            sum(
                part[n, :length].square().sum().item()
                for n, length in enumerate(lengths)
            )
            for part in (out, z - kept, kept)
        ]
        size = float(lengths.sum()) * out.size(-1)
        assert got[f"layer_mean_square/{i}"] == pytest.approx(energies[0] / size)
        assert got[f"layer_share/{i}"] == pytest.approx(
            energies[1] / (energies[1] + energies[2]), rel=1e-4
        )


def test_frames_behind_the_lengths_have_no_part() -> None:
    encoder = small_encoder()
    spoilt = BATCH.clone()
    for row, length in zip(spoilt, LENGTHS):
        row[length:] = 1e6
    assert statistics_of(encoder, spoilt)["layer_mean_square/4"] == pytest.approx(
        statistics_of(small_encoder())["layer_mean_square/4"]
    )


def test_watching_does_not_count_as_a_pass() -> None:
    encoder = small_encoder("bypass")
    statistics_of(encoder)
    assert {s.residual.passes.item() for s in encoder.stack.sublayers} == {1.0}


def test_switched_off_nothing_is_summed_up() -> None:
    encoder = small_encoder()
    watch = Watch(encoder)
    run(encoder)
    statistics = watch.read()
    watch.close()
    assert torch.tensor(statistics["layer_mean_square/1"]).isnan()
    assert statistics["layer_gradient/1"] > 0
    assert count_hooks(encoder) == 0


def test_reading_begins_anew() -> None:
    encoder = small_encoder()
    watch = Watch(encoder)
    watch.is_on = True
    run(encoder)
    first = watch.read()
    run(encoder, BATCH * 3)
    run(encoder, BATCH * 3)
    watch.read()
    encoder.zero_grad()
    run(encoder)
    assert watch.read() == first


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_does_not_overflow(dtype: torch.dtype) -> None:
    encoder = small_encoder("residual").to(dtype)
    nn.init.constant_(encoder.stack.sublayers[0].layer.output_linear.bias, 300.0)
    got = statistics_of(encoder, BATCH.to(dtype))["layer_mean_square/1"]
    assert 1e4 < got < 1e5


@pytest.mark.parametrize(
    ("residual", "learned"),
    [
        ("decay", {}),
        ("rezero", {"scale": 0.0}),
        ("laurel_rw", {"x_scale": 1.0, "y_scale": 1.0}),
        ("laurel_lr", {"BA_norm": 0.0}),
        (
            {"_name_": "layerscale", "init": 0.25},
            {"scale_mean": 0.25, "scale_std": 0.0},
        ),
        (STILL_BYPASS, {"c_mean": 0.2, "c_std": 0.0}),
        ("gru", {"bias_mean": 2.0, "bias_std": 0.0}),
    ],
)
def test_learned_weights_are_reported(residual: Any, learned: dict[str, float]) -> None:
    got = statistics_of(small_encoder(residual))
    prefix = "layer_learned_"
    found = {k: v for k, v in got.items() if k.startswith(prefix) and k.endswith("/3")}
    expected = {f"{prefix}{name}/3": value for name, value in learned.items()}
    assert found == pytest.approx(expected, abs=1e-6)


def test_weights_of_a_function_of_ones_own_are_reported() -> None:
    class Own(nn.Module):
        d_output = 8

        def __init__(self, i_layer: int, d_input: int, d_model: int) -> None:
            super().__init__()
            self.gain = nn.Parameter(torch.arange(float(d_model)))
            self.matrix = nn.Parameter(torch.ones(d_model, d_model))

        def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
            return x + self.gain * (y @ self.matrix)

    register_residual("own")(Own)
    try:
        got = statistics_of(small_encoder("own"))
    finally:
        del registry["own"]
    assert [name for name in got if name.endswith("/1")] == [
        "layer_mean_square/1",
        "layer_share/1",
        "layer_gradient/1",
        "layer_learned_gain_mean/1",
        "layer_learned_gain_std/1",
    ]
    assert got["layer_learned_gain_mean/1"] == 3.5
    assert got["layer_learned_gain_std/1"] == pytest.approx(5.25**0.5)


def test_compiled_encoder_is_measured_without_a_break() -> None:
    torch.compiler.reset()
    plain, encoder = small_encoder("bypass"), small_encoder("bypass")
    watches = Watch(plain), Watch(encoder)
    compiled = torch.compile(encoder, fullgraph=True, backend="eager")
    for is_on in (False, True, True, False):
        for watch, model in zip(watches, (plain, compiled)):
            watch.is_on = is_on
            model.zero_grad()
            run(model)
        expected, got = (watch.read() for watch in watches)
        assert got == pytest.approx(expected, rel=1e-9, nan_ok=True)
        assert torch.tensor(got["layer_share/1"]).isfinite() == is_on


def test_batch_that_no_longer_counts_spoils_nothing() -> None:
    """ESPnet2 skips the step of a batch whose gradient is no number."""
    encoder = small_encoder("residual")
    watch = Watch(encoder, batches=1)
    watch.is_on = True
    run(encoder, torch.full_like(BATCH, torch.inf))
    encoder.zero_grad()
    run(encoder)
    watch.close()
    assert watch.read() == statistics_of(small_encoder("residual"))
