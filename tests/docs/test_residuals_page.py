"""The page on the residual functions is what its generator writes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from espnet_residuals.residual import registry

ROOT = Path(__file__).parents[2]
GENERATOR = ROOT / "docs" / "make_residuals.py"
PAGE = ROOT / "docs" / "residuals.md"


def run(generator: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(generator), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_page_is_current() -> None:
    done = run(GENERATOR, "--check")
    assert done.returncode == 0, done.stderr


def test_check_fails_until_the_page_is_written(tmp_path: Path) -> None:
    generator = Path(shutil.copy(GENERATOR, tmp_path))
    page = tmp_path / "residuals.md"
    stale = run(generator, "--check")
    assert stale.returncode == 1
    assert "run: python docs/make_residuals.py" in stale.stderr
    assert not page.exists()
    assert run(generator).returncode == 0
    assert run(generator, "--check").returncode == 0
    page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert run(generator, "--check").returncode == 1


def test_page_names_every_residual_function() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert set(registry) <= named


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("decay", "0"),
        ("affine", "1"),
        ("highway", "2d² + 2d"),
        ("layerscale", "d"),
        ("gru", "6d² + d"),
        ("laurel_rw", "2"),
        ("laurel_lr", "32d"),
    ],
)
def test_page_counts_the_parameters(name: str, parameters: str) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    row = next(line for line in lines if line.startswith(f"| `{name}`"))
    assert row.split(" | ")[3] == parameters
