"""docs/instruments.md: its commands run as they stand."""

import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from espnet_residuals.cli import main
from tests.docs.page import blocks
from tests.environment import ROOT

PAGE = ROOT.joinpath("docs", "instruments.md").read_text(encoding="utf-8")
LIST, SHOW, PROBE, HISTORY = [
    shlex.split(line, comments=True)[1:] for line in blocks(PAGE, "sh")[0].splitlines()
]


@pytest.fixture(autouse=True)
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where a recipe's YAML is."""
    conf = ROOT / "egs" / "mini_an4" / "esp2_asr" / "conf"
    shutil.copytree(conf, tmp_path / "conf")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", [LIST, SHOW, PROBE], ids=["list", "show", "probe"])
def test_command_runs_and_draws(command: list[str]) -> None:
    if "--plot" in command:
        pytest.importorskip("matplotlib")
    assert main(command) == 0
    if "--plot" in command:
        assert Path(command[-1]).stat().st_size > 10_000


def test_history_says_that_nothing_was_logged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("exp/training").mkdir(parents=True)
    assert HISTORY[:2] == ["history", "exp/training"]
    assert main(HISTORY) != 0
    assert "no event files" in capsys.readouterr().err


def test_callback_is_built_from_the_yaml() -> None:
    (settings,) = yaml.safe_load(blocks(PAGE, "yaml")[0])["trainer"]["callbacks"]
    module, _, name = settings.pop("_target_").rpartition(".")
    assert getattr(import_module(module), name)(**settings).every == 100
