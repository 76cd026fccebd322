"""What the README shows works as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from espnet_residuals import S4Encoder, registry
from espnet_residuals.layers import layer_registry

ROOT = Path(__file__).parents[1]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
RESIDUALS_PAGE = ROOT.joinpath("docs", "residuals.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def run(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(code, namespace)
    return namespace


def test_yaml_builds_the_encoder() -> None:
    config = yaml.safe_load(blocks("yaml")[0])
    assert config["encoder"] == "s4"
    encoder = S4Encoder(80, **config["encoder_conf"])
    assert len(encoder.stack.sublayers) == 18


@pytest.mark.parametrize("residual", ["residual", "decay", "highway", "affine", None])
def test_custom_encoder_runs_with_every_residual_and_ignores_padding(
    residual: Any,
) -> None:
    encoder = run(blocks("python")[0])["ConvEncoder"](80, residual=residual)
    x = torch.randn(2, 50, 80)
    ys, olens, _ = encoder(x, torch.tensor([50, 30]))
    alone, _, _ = encoder(x[1:, :30], torch.tensor([30]))
    assert ys.shape == (2, 50, 64) and olens.tolist() == [50, 30]
    torch.testing.assert_close(ys[1:, :30], alone, rtol=1e-5, atol=1e-5)


def test_custom_residual_registers() -> None:
    run(blocks("python")[1])
    del registry["scaled"]


def test_streaming_example_runs() -> None:
    names = run(blocks("python")[2])
    assert names["frames"].size(2) == 64


def test_tables_name_every_layer_and_residual() -> None:
    in_readme = set(re.findall(r"`(\w+)`", README))
    on_page = set(re.findall(r"`(\w+)`", RESIDUALS_PAGE))
    assert set(layer_registry) <= in_readme
    assert set(registry) <= in_readme | on_page
