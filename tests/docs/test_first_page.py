"""docs/first.md: every step, as a newcomer takes it in a fresh checkout."""

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.page import blocks
from tests.environment import ROOT, install

PAGE = ROOT.joinpath("docs", "first.md").read_text(encoding="utf-8")
INSTALL, LOOK, COPY, ADD, NEW_YAML, PROBE, TRAIN = blocks(PAGE, "sh")
(CLASS,) = blocks(PAGE, "python")
(RESIDUAL,) = blocks(PAGE, "yaml")

# What pip would get from the web is here already.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}


@pytest.mark.long
def test_my_own_residual_in_my_own_yaml_trains(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    environment = install(tmp_path)
    checkout = environment.source
    for folder in ("custom_residual", "mini_an4"):
        shutil.copytree(
            ROOT / "egs" / folder,
            checkout / "egs" / folder,
            ignore=shutil.ignore_patterns("exp", "data", "downloads", "__pycache__"),
        )
    pip = f'pip() {{ {environment.python} -m pip "$@"; }}\n'
    environment.run(LOOK + COPY, checkout)
    (checkout / "my_residual" / "custom_residual.py").write_text(CLASS)
    listed = environment.run(pip + ADD, checkout, **OFFLINE)
    assert "factor=0.9, floor=0.1" in listed

    assert "make venv" in INSTALL and NEW_YAML.startswith("cd ")
    environment.run(NEW_YAML, checkout)
    recipe = checkout / "egs" / "mini_an4" / "esp2_asr"
    replace_residual(recipe / "conf" / "mine.yaml")
    assert "nothing stands out" in environment.run(PROBE, recipe)
    printed = environment.run(TRAIN, recipe)
    assert re.search(r"^1 +S4D +Fading +1.000 +0.950$", printed, flags=re.MULTILINE)
    assert "learned by heart" in printed


def replace_residual(path: Path) -> None:
    """Replace ``residual:`` and the three lines below it, as the page says."""
    lines = path.read_text().splitlines()
    start = next(
        n for n, line in enumerate(lines) if line.strip().startswith("residual:")
    )
    lines[start : start + 4] = RESIDUAL.splitlines()
    path.write_text("\n".join(lines) + "\n")
