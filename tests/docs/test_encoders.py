"""The YAML files of docs/encoders: each builds, counts and takes a step."""

import re
from pathlib import Path

import pytest
import torch
import yaml

from espnet_residuals import S4Encoder
from tests.environment import ROOT

FOLDER = ROOT / "docs" / "encoders"
FILES = sorted(FOLDER.glob("*.yaml"))
LARGE = [
    pytest.param(path, marks=pytest.mark.long) for path in FILES if "30m" in path.stem
]
SMALL = [path for path in FILES if "30m" not in path.stem]


def build(path: Path) -> S4Encoder:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert config["encoder"] == "s4"
    torch.manual_seed(0)
    return S4Encoder(80, **config["encoder_conf"])


@pytest.mark.parametrize("path", [*SMALL, *LARGE], ids=lambda path: path.stem)
def test_encoder_has_its_size_and_takes_a_step(path: Path) -> None:
    encoder = build(path)
    millions = sum(p.numel() for p in encoder.parameters()) / 1e6
    name, size = path.stem.rsplit("_", 1)
    assert millions == pytest.approx(float(size[:-1]), rel=0.05)
    assert f"{millions:.1f}" in quoted(name)
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.01)
    xs, lengths = torch.randn(2, 64, 80), torch.tensor([64, 40])
    losses = []
    for _ in range(2):
        torch.manual_seed(1)
        ys, _, _ = encoder(xs, lengths)
        loss = (ys - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert all(p.grad is not None for p in encoder.parameters())


def quoted(name: str) -> list[str]:
    """Return the sizes that the page has for an encoder."""
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{name}` \|.*\| (.*) \| (.*) \|$", page, flags=re.MULTILINE)
    assert row, name
    return list(row.groups())
