"""`python -m espnet_residuals.launch` runs modules as `python -m` does, registered."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import ROOT

SHOW = """\
import sys
print(__name__, __spec__.name, sys.argv[1:], "espnet_residuals" in sys.modules)
"""
SPAWN = """\
import multiprocessing
from shows_module import show

if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=show)
    child.start()
    child.join()
    raise SystemExit(child.exitcode)
"""
SHOWS_MODULE = """\
def show():
    from espnet_residuals_import_hook import _installed_finder
    print(*_installed_finder().callbacks)
"""


def launch(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it in a folder with some modules, without the start-up file."""
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").touch()
    (folder / "package" / "show.py").write_text(SHOW)
    (folder / "spawn.py").write_text(SPAWN)
    (folder / "shows_module.py").write_text(SHOWS_MODULE)
    return subprocess.run(
        [sys.executable, "-m", "espnet_residuals.launch", *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "ESPNET_RESIDUALS_AUTOLOAD": "0",
        },
        capture_output=True,
        text=True,
    )


def test_module_is_main_and_gets_its_arguments(tmp_path: Path) -> None:
    done = launch(tmp_path, "-m", "package.show", "-m", "--option", "a b")
    expected = "__main__ package.show ['-m', '--option', 'a b'] True\n"
    assert (done.stdout, done.stderr) == (expected, "")


def test_spawned_process_knows_the_names_too(tmp_path: Path) -> None:
    done = launch(tmp_path, "-m", "spawn")
    assert "espnet2.tasks.asr" in done.stdout, done.stderr
    assert "espnet2.asr.state_spaces.residual" in done.stdout


def test_exit_code_is_that_of_the_module(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("raise SystemExit(3)")
    assert launch(tmp_path, "-m", "fails").returncode == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "usage: python -m espnet_residuals.launch -m MODULE"),
        (["-m"], "usage: "),
        (["-c", "pass"], "-m comes first; got: -c pass"),
        (["run.py", "--stage", "1"], "-m comes first; got: run.py --stage 1"),
        (["-m", "package.shwo"], "no module 'package.shwo' .*mean 'package.show'"),
        (["-m", "package"], "no module 'package' to run"),
        (["-m", "no_such_package.module"], "no module 'no_such_package.module'"),
        (["-m", "..relative"], "no module '..relative'"),
    ],
)
def test_what_cannot_be_run_is_said(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = launch(tmp_path, *arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(message, done.stderr)
