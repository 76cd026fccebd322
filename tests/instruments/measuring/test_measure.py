"""The readings against numbers that hooks and formulas of the test's own give."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from espnet2.asr.encoder.transformer_encoder import TransformerEncoder
from torch import Tensor
from torch.nn.functional import cosine_similarity

from espnet_residuals import S4Encoder
from espnet_residuals.instruments.failure import Failure
from espnet_residuals.instruments.measuring.measure import measure
from espnet_residuals.instruments.measuring.probing import Request, probe
from espnet_residuals.instruments.measuring.sites import find_sites
from espnet_residuals.instruments.reading.features import Batch, random_batch
from tests.instruments.recipe import MODEL, write_recipe

SEED = 3


def small_encoder(residual: Any) -> S4Encoder:
    return S4Encoder(
        20, output_size=8, num_blocks=2, input_layer="linear", residual=residual
    )


def noise_batch() -> Batch:
    return random_batch(20, batch=2, frames=30, seed=SEED)


@pytest.mark.parametrize("residual", ["decay", "residual"])
def test_readings_are_those_of_the_weighted_sum(residual: str) -> None:
    encoder, batch = small_encoder(residual), noise_batch()
    profile = measure("r", encoder, find_sites(encoder), batch, SEED)
    sublayers = encoder.stack.sublayers
    with torch.no_grad():
        x, _ = encoder.embed(batch.feats, batch.lengths)
        for reading, sublayer in zip(profile.readings, sublayers, strict=True):
            function = sublayer.residual
            y = sublayer.layer(sublayer.norm(x), batch.lengths)
            new, kept = function.beta * y, function.alpha * x
            z = new + kept
            energy, rest = new.square().mean().item(), kept.square().mean().item()
            assert reading.mean_square == pytest.approx(
                z.square().mean().item(), rel=1e-5
            )
            assert reading.share == pytest.approx(energy / (energy + rest), rel=1e-4)
            cosine = cosine_similarity(x, z, dim=-1).mean().item()
            assert reading.cosine == pytest.approx(cosine, abs=1e-5)
            x = z


def test_gradients_are_those_of_the_loss() -> None:
    encoder, batch = small_encoder("decay"), noise_batch()
    profile = measure("decay", encoder, find_sites(encoder), batch, SEED)
    streams: list[Tensor] = []
    for sublayer in encoder.stack.sublayers:
        sublayer.register_forward_hook(lambda m, i, out: streams.append(out))
    output, _, _ = encoder(batch.feats, batch.lengths)
    noise = torch.randn(output.shape, generator=torch.Generator().manual_seed(SEED))
    loss = (output * noise).sum() / noise.norm()
    gradients = torch.autograd.grad(loss, streams, retain_graph=True)
    norms = [gradient.norm().item() for gradient in gradients]
    assert [r.stream_gradient for r in profile.readings] == pytest.approx(norms)
    for reading, sublayer in zip(profile.readings, encoder.stack.sublayers):
        parameters = list(sublayer.parameters())
        parts = torch.autograd.grad(loss, parameters, retain_graph=True)
        total = sum(part.square().sum().item() for part in parts) ** 0.5
        assert reading.parameter_gradient == pytest.approx(total, rel=1e-4)


def test_padding_has_no_part_in_the_readings() -> None:
    encoder = small_encoder("decay")
    feats = torch.randn(1, 20, 20)
    alone = Batch(feats, torch.tensor([20]), "")
    longer = torch.cat([feats, torch.full((1, 10, 20), 9.0)], dim=1)
    padded = Batch(longer, torch.tensor([20]), "")
    readings = [
        measure("", encoder, find_sites(encoder), batch, SEED).readings
        for batch in (alone, padded)
    ]
    for mine, theirs in zip(*readings):
        assert mine[2:5] == pytest.approx(theirs[2:5], rel=1e-4)


def test_rezero_is_seen_to_add_nothing() -> None:
    encoder = small_encoder("rezero")
    readings = measure("", encoder, find_sites(encoder), noise_batch(), SEED).readings
    assert {reading.share for reading in readings} == {0.0}
    assert [reading.cosine for reading in readings] == pytest.approx([1.0] * 6)


def test_layers_of_an_espnet_encoder_are_measured() -> None:
    encoder = TransformerEncoder(
        20, output_size=8, attention_heads=2, linear_units=16, num_blocks=3
    )
    profile = measure("transformer", encoder, find_sites(encoder), noise_batch(), SEED)
    assert [reading.layer for reading in profile.readings] == ["EncoderLayer"] * 3
    assert all(0 < reading.share < 1 for reading in profile.readings)
    assert all(reading.parameter_gradient > 0 for reading in profile.readings)


def test_compare_keeps_the_options_of_the_own_function(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, residual={"_name_": "decay", "power": 2.0})
    result = probe(Request(path, compare=["residual", "decay"], frames=30))
    alone = probe(Request(path, frames=30))
    assert [profile.name for profile in result.profiles] == ["residual", "decay"]
    assert result.profiles[1] == alone.profiles[0]


@pytest.mark.parametrize(("written", "asked"), [("decay", "D"), ("D", "decay")])
def test_compare_knows_the_own_function_by_every_name(
    written: str, asked: str, tmp_path: Path
) -> None:
    """By another name it would lose its options, and be another function."""
    path = write_recipe(tmp_path, residual={"_name_": written, "power": 2.0})
    result = probe(Request(path, compare=["R", asked], frames=30))
    alone = probe(Request(path, frames=30))
    assert [profile.name for profile in result.profiles] == ["R", asked]
    assert result.profiles[1].readings == alone.profiles[0].readings
    assert result.profiles[0].readings != alone.profiles[0].readings


def test_espnet2_and_espnet3_write_the_same_encoder(tmp_path: Path) -> None:
    profiles = [
        probe(Request(write_recipe(tmp_path, espnet3), frames=30)).profiles
        for espnet3 in (False, True)
    ]
    assert profiles[0] == profiles[1]


def test_layers_are_rounded_up_to_whole_blocks(tmp_path: Path) -> None:
    result = probe(Request(write_recipe(tmp_path), layers=5, frames=30))
    assert result.about["num_blocks"] == 3
    assert result.about["sublayers"] == 6


def test_names_of_other_keys_stand_for_their_values(tmp_path: Path) -> None:
    written = {**MODEL, "init": "xavier_uniform", "input_size": 30}
    names = {f"my_{key}": value for key, value in written.items()}
    pointing = {key: f"${{my_{key}}}" for key in written}
    profiles = []
    for folder, document in (("a", written), ("b", {**names, "model": pointing})):
        path = tmp_path / folder / "training.yaml"
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        profiles.append(probe(Request(path, frames=30)).profiles)
    assert profiles[0] == profiles[1]


def test_number_of_features_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.yaml"
    path.write_text(yaml.safe_dump({**MODEL, "input_size": "40"}), encoding="utf-8")
    with pytest.raises(Failure, match="input_size: must be an integer >= 1, got '40'"):
        probe(Request(path))


def test_no_residual_connection_has_a_name(tmp_path: Path) -> None:
    result = probe(Request(write_recipe(tmp_path, residual=None), frames=30))
    assert [profile.name for profile in result.profiles] == ["none"]
