"""docs/own.md: the residuals, the layer and the encoder that it shows work."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from espnet2.tasks.asr import encoder_choices

from espnet_residuals import S4Encoder, build_residual, registry
from espnet_residuals.layers import layer_registry
from tests.docs.page import blocks, run
from tests.environment import ROOT

SCALED, GATED, SHIFT, ENCODER, CHOICE = blocks(
    ROOT.joinpath("docs", "own.md").read_text(encoding="utf-8"), "python"
)


@pytest.fixture(autouse=True)
def names_are_taken_back() -> Iterator[None]:
    yield
    for names, name in ((registry, "scaled"), (registry, "gated")):
        names.pop(name, None)
    layer_registry.pop("shift", None)
    encoder_choices.classes.pop("conv", None)


def test_examples_have_about_twenty_lines() -> None:
    for code in (SCALED, GATED, SHIFT, ENCODER):
        assert len([line for line in code.splitlines() if line.strip()]) <= 32


def test_constant_residual_registers() -> None:
    run(SCALED)
    encoder = S4Encoder(80, num_blocks=1, residual="scaled")
    assert [sublayer.residual.beta for sublayer in encoder.stack.sublayers] == [0.5] * 3


def test_learned_residual_weighs_each_feature_as_it_says() -> None:
    run(GATED)
    residual = build_residual({"_name_": "gated", "start": 0.25}, 1, 4, 4)
    x, y = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    torch.testing.assert_close(residual(x, y), 0.75 * x + 0.25 * y)
    transposed = residual(x.mT, y.mT, transposed=True).mT
    torch.testing.assert_close(transposed, residual(x, y))
    residual(x, y).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in residual.parameters())


def test_layer_trains_starts_at_its_power_and_streams() -> None:
    run(SHIFT)
    torch.manual_seed(0)
    encoder = S4Encoder(80, output_size=32, num_blocks=2, layer=["shift", "ff"]).eval()
    layer = encoder.stack.sublayers[0].layer
    frames = torch.randn(2, 50, 32)
    power = layer(frames).square().mean() / frames.square().mean()
    assert power.sqrt().item() == pytest.approx(1 / 4**0.5, rel=0.2)  # 4 sublayers
    torch.nn.init.normal_(layer.before.weight)
    feats = torch.randn(1, 100, 80)
    whole, _, _ = encoder(feats, torch.tensor([100]))
    state, pieces = encoder.default_state(batch_size=1), []
    for piece in feats.split(7, dim=1):
        ys, state = encoder.forward_chunk(piece, state)
        pieces.append(ys)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)


@pytest.mark.parametrize("residual", ["residual", "decay", "highway", "affine", None])
def test_encoder_runs_with_every_residual_and_ignores_padding(residual: Any) -> None:
    encoder = run(ENCODER)["ConvEncoder"](80, residual=residual)
    x = torch.randn(2, 50, 80)
    ys, olens, _ = encoder(x, torch.tensor([50, 30]))
    alone, _, _ = encoder(x[1:, :30], torch.tensor([30]))
    assert ys.shape == (2, 50, 64) and olens.tolist() == [50, 30]
    torch.testing.assert_close(ys[1:, :30], alone, rtol=1e-5, atol=1e-5)


def test_espnet_finds_the_encoder_by_name() -> None:
    names = run(f"{ENCODER}\n{CHOICE}")
    assert encoder_choices.get_class("conv") is names["ConvEncoder"]
