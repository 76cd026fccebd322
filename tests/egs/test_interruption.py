"""Ctrl-C ends a recipe: run.py says so by its exit code, and no script goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EGS = Path(__file__).parents[2] / "egs"
SCRIPTS = {"fsdd": "digits.sh", "an4": "an4.sh", "mini_an4": "demo.sh"}

# An ESPnet3 that is interrupted at its first stage: what its imports do is the same.
STANDS_IN = {
    "espnet3/__init__.py": "",
    "espnet3/systems/__init__.py": "",
    "espnet3/systems/esp2_asr/__init__.py": "",
    "espnet3/systems/esp2_asr/system.py": "import dask_jobqueue\nASRSystem = None\n",
    "espnet3/systems/launch.py": """
import signal

def launch(system):
    print("started", flush=True)
    signal.raise_signal(signal.SIGINT)
    print("went on", flush=True)
""",
    "espnet_residuals.py": "",
    "tensorboard.py": "",
}


@pytest.fixture(params=SCRIPTS)
def recipe(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of a recipe whose report says that it was asked for."""
    source = EGS / request.param / "esp2_asr"
    unversioned = shutil.ignore_patterns("data", "downloads", "exp", "evidence")
    recipe = shutil.copytree(source, tmp_path / request.param, ignore=unversioned)
    for report in ("report.py", "demo_report.py"):
        recipe.joinpath("src", report).write_text("print('reported')")
    for name, content in STANDS_IN.items():
        path = tmp_path / "stands_in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return recipe


def run(recipe: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in a recipe, with what stands in for ESPnet3."""
    return subprocess.run(
        command,
        cwd=recipe,
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "PYTHONPATH": str(recipe.with_name("stands_in")),
        },
        capture_output=True,
        text=True,
    )


def test_interrupted_stages_end_with_130(recipe: Path) -> None:
    done = run(recipe, sys.executable, "run.py", "--stages", "train")
    assert (done.returncode, done.stdout) == (130, "started\n"), done.stderr


def test_no_report_follows_interrupted_stages(recipe: Path) -> None:
    done = run(recipe, "sh", SCRIPTS[recipe.name])
    assert done.returncode == 130, done.stderr
    assert done.stdout == "started\n"
