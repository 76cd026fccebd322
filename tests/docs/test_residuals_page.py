"""The tables of the page on the residual functions are what their command makes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from docs import make_residuals
from espnet_residuals.residual import registry
from tests.environment import ROOT

PAGE = ROOT / "docs" / "residuals.md"


def test_page_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "docs.make_residuals", "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def test_check_fails_until_the_tables_are_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["make_residuals.py", *arguments])
        make_residuals.main()

    page = tmp_path / "residuals.md"
    text = PAGE.read_text(encoding="utf-8")
    page.write_text(text.replace("| `rezero` | 0.012 |", "| `rezero` | 0.3 |"))
    monkeypatch.setattr(make_residuals, "PAGE", page)
    with pytest.raises(SystemExit, match="run: python -m docs.make_residuals"):
        run("--check")
    run()
    run("--check")
    assert page.read_text(encoding="utf-8") == text


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
    lines = lines[lines.index("## The formulas") :]
    row = next(line for line in lines if line.startswith(f"| `{name}`"))
    assert row.split(" | ")[3] == parameters
