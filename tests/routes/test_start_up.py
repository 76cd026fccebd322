"""An installed package makes itself known to ESPnet, and disturbs no other program."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.environment import Environment, install

pytestmark = pytest.mark.long

SHOW_MODULES = "import sys, json; print(json.dumps(sorted(sys.modules)))"
IMPORT_ESPNET = "import sys, espnet2; print('espnet_residuals' in sys.modules)"
SPAWN = """\
import multiprocessing
from child import show
process = multiprocessing.get_context("spawn").Process(target=show)
process.start()
process.join()
"""
CHILD = f"def show():\n    {IMPORT_ESPNET}"
HOOK = "espnet_residuals_import_hook"


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(
    request: pytest.FixtureRequest,
    environment: Environment,
    tmp_path_factory: pytest.TempPathFactory,
) -> Environment:
    """Install the package in both ways; tests leave it as they find it."""
    if request.param == "wheel":
        return environment
    return install(tmp_path_factory.mktemp("editable"), "--editable")


@pytest.fixture()
def fake_espnet(tmp_path: Path) -> str:
    """Return a folder with packages that are called like ESPnet's and are empty."""
    for name in ("espnet2", "espnet3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    return str(tmp_path)


@contextmanager
def set_aside(path: Path) -> Iterator[None]:
    """Let a file or folder be elsewhere for a while."""
    aside = path.rename(path.with_name(f"{path.name}.aside"))
    yield
    aside.rename(path)


@contextmanager
def replaced(path: Path, text: str) -> Iterator[None]:
    """Let a file have another content for a while."""
    before = path.read_text()
    path.write_text(text)
    yield
    path.write_text(before)


def start_up_file(environment: Environment) -> Path:
    return environment.packages / f"{HOOK}.pth"


def package_of(environment: Environment, editable: bool) -> Path:
    return environment.source if editable else environment.packages


def is_editable(environment: Environment) -> bool:
    return not (environment.packages / "espnet_residuals").exists()


def test_start_of_python_runs_the_hook_and_nothing_else(installed: Environment) -> None:
    after = set(json.loads(installed.run_code(SHOW_MODULES).stdout))
    with set_aside(start_up_file(installed)):
        before = set(json.loads(installed.run_code(SHOW_MODULES).stdout))
    assert after - before == {HOOK}


@pytest.mark.parametrize("name", ["espnet2", "espnet3"])
def test_package_comes_along_with_espnet(
    installed: Environment, fake_espnet: str, name: str
) -> None:
    code = IMPORT_ESPNET.replace("espnet2", name)
    done = installed.run_code(code, PYTHONPATH=fake_espnet)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_package_comes_along_in_a_spawned_process(
    installed: Environment, fake_espnet: str
) -> None:
    Path(fake_espnet, "child.py").write_text(CHILD)
    done = installed.run_code(SPAWN, PYTHONPATH=fake_espnet)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_variable_turns_it_off(installed: Environment, fake_espnet: str) -> None:
    done = installed.run_code(
        IMPORT_ESPNET, PYTHONPATH=fake_espnet, ESPNET_RESIDUALS_AUTOLOAD="0"
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_start_of_python_takes_less_than_5_ms_more(installed: Environment) -> None:
    start_in_seconds(installed)
    with_file, without = [], []
    for _ in range(40):
        with_file.append(start_in_seconds(installed))
        with set_aside(start_up_file(installed)):
            without.append(start_in_seconds(installed))
    assert min(with_file) - min(without) < 0.005


def start_in_seconds(environment: Environment) -> float:
    """Return the processor time of a program that does nothing."""
    python = str(environment.python)
    command = [python, "-c", "pass"]
    process = os.posix_spawn(python, command, environment.variables())
    _, status, usage = os.wait4(process, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("text", ["no Python", "raise RuntimeError", "autoload = None"])
def test_fault_of_the_hook_is_silent(
    installed: Environment, fake_espnet: str, text: str
) -> None:
    hook = package_of(installed, is_editable(installed)) / f"{HOOK}.py"
    with replaced(hook, text):
        done = installed.run_code(IMPORT_ESPNET, PYTHONPATH=fake_espnet)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_fault_of_the_package_is_one_warning(
    installed: Environment, fake_espnet: str
) -> None:
    package = package_of(installed, is_editable(installed)) / "espnet_residuals"
    with replaced(package / "__init__.py", "raise RuntimeError('broken')"):
        done = installed.run_code("import espnet2, espnet3", PYTHONPATH=fake_espnet)
    assert done.returncode == 0
    assert done.stderr.count("cannot be imported: RuntimeError('broken')") == 1
    assert "Traceback" not in done.stderr


def test_checkout_that_was_moved_is_silent(
    installed: Environment, fake_espnet: str
) -> None:
    if not is_editable(installed):
        pytest.skip("a wheel does not need its checkout")
    with set_aside(installed.source):
        done = installed.run_code(IMPORT_ESPNET, PYTHONPATH=fake_espnet)
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_another_copy_on_the_path_of_the_program_wins(
    environment: Environment, fake_espnet: str, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    (program / "espnet_residuals").mkdir(parents=True)
    (program / "espnet_residuals" / "__init__.py").write_text("print('this copy')")
    program.joinpath("main.py").write_text("import espnet2")
    done = subprocess.run(
        [environment.python, program / "main.py"],
        env=environment.variables(PYTHONPATH=fake_espnet),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("this copy\n", "")


@pytest.mark.parametrize("options", [(), ("--editable",)], ids=["wheel", "editable"])
def test_uninstalling_leaves_nothing(tmp_path: Path, options: tuple[str, ...]) -> None:
    environment = install(tmp_path, *options)
    pip = [sys.executable, "-m", "pip", "--python", str(environment.python)]
    subprocess.run([*pip, "uninstall", "--yes", "espnet-residuals"], check=True)
    left = {path.name for path in environment.packages.iterdir()}
    assert left <= {"__pycache__", "dependencies.pth", "distutils-precedence.pth"}


def test_espnets_command_knows_the_encoder_of_an_editable_installation(
    tmp_path: Path,
) -> None:
    environment = install(tmp_path, "--editable")
    command = "python -m espnet2.bin.asr_train --print_config --encoder s4"
    config = environment.run(command, tmp_path)
    assert "num_blocks" in config.partition("encoder_conf:")[2]
