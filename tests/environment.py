"""An environment into which pip has installed this package, as a user has it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = (
    "espnet_residuals",
    "espnet_residuals_import_hook.pth",
    "espnet_residuals_import_hook.py",
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "NOTICE",
)

Shell = subprocess.Popen[str]


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and the copy of the checkout that was installed."""

    folder: Path
    source: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        scheme = {"base": str(self.folder), "platbase": str(self.folder)}
        return Path(sysconfig.get_path("purelib", "venv", scheme))

    def variables(self, **changes: str) -> dict[str, str]:
        """Return what the environment's programs find in os.environ."""
        kept = {name: v for name, v in os.environ.items() if "PYTHON" not in name}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": path, "OMP_NUM_THREADS": "1", **changes}

    def run_code(self, code: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        """Run Python code in a fresh interpreter."""
        return subprocess.run(
            [self.python, "-c", code],
            cwd=self.folder,
            env=self.variables(**changes),
            capture_output=True,
            text=True,
        )

    def start(self, commands: str, folder: Path, **changes: str) -> Shell:
        """Start shell commands in a folder, in a process group of their own."""
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder,
            env=self.variables(**changes),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, commands: str, folder: Path, **changes: str) -> str:
        """Run shell commands that must succeed; return what they print."""
        process = self.start(commands, folder, **changes)
        printed, _ = process.communicate()
        assert process.returncode == 0, f"{commands}\n{printed[-5000:]}"
        return printed


def install(folder: Path, *options: str) -> Environment:
    """Make an environment in a folder and install a copy of the checkout into it.

    It sees the packages of the running interpreter; Python reads no ``.pth`` files
    there, so that an installation of this package beside them has no effect.
    """
    environment = Environment(folder / "environment", folder / "checkout")
    venv = [sys.executable, "-m", "venv", "--without-pip"]
    subprocess.run([*venv, str(environment.folder)], check=True)
    _see_dependencies(environment.packages)
    _copy_checkout(environment.source)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python)]
    alone = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    command = [*pip, "install", *alone, *options, str(environment.source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return environment


def _see_dependencies(packages: Path) -> None:
    theirs = Path(sysconfig.get_path("purelib"))
    packages.joinpath("dependencies.pth").write_text(f"{theirs}\n")
    # ESPnet imports distutils, which setuptools provides by this file.
    shutil.copy(theirs / "distutils-precedence.pth", packages)


def _copy_checkout(target: Path) -> None:
    target.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            unversioned = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target / name, ignore=unversioned)
        else:
            shutil.copy(source, target)
