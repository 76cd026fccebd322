"""Two processes that make the same data at once: one whole data set, no error."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.egs.recipe import create_dataset, loaded_dataset, read_files

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "egs" / "TEMPLATE" / "esp2_asr" / "dataset"

# Writes half, says so, waits (a minute) until it may go on, and writes the other half.
MAKE = """
import sys, time
from pathlib import Path
from whole_folder import whole_folder

folder, name = Path(sys.argv[1]), sys.argv[2]
with whole_folder(folder / "parent" / "made") as scratch:
    (scratch / "first").write_text(name)
    (folder / f"{name}.half").touch()
    for _ in range(6000):
        if (folder / f"{name}.go").exists():
            break
        time.sleep(0.01)
    (scratch / "second").write_text(name)
"""

Process = subprocess.Popen[str]


@pytest.fixture()
def mini_an4() -> Iterator[ModuleType]:
    """Load the recipe's dataset folder."""
    with loaded_dataset(ROOT / "egs" / "mini_an4" / "esp2_asr") as module:
        yield module


def start_making(folder: Path, name: str) -> Process:
    """Start a process that makes a folder; return when it has half of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", MAKE, str(folder), name],
        env={**os.environ, "PYTHONPATH": str(MODULES)},
        stderr=subprocess.PIPE,
        text=True,
    )
    while not folder.joinpath(f"{name}.half").exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    return process


def finish(process: Process, go: Path) -> None:
    """Let a process go on to its end, which must be a good one."""
    go.touch()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


@pytest.mark.parametrize("first, then", [("one", "other"), ("other", "one")])
def test_whoever_is_done_first_leaves_what_it_made_whole(
    tmp_path: Path, first: str, then: str
) -> None:
    processes = {name: start_making(tmp_path, name) for name in ("one", "other")}
    assert not tmp_path.joinpath("parent", "made").exists()
    finish(processes[first], tmp_path / f"{first}.go")
    made = {"parent/made/first": first, "parent/made/second": first}
    read = {key: value.encode() for key, value in made.items()}
    assert read.items() <= read_files(tmp_path).items()
    finish(processes[then], tmp_path / f"{then}.go")
    assert read.items() <= read_files(tmp_path).items()
    assert [path.name for path in tmp_path.joinpath("parent").iterdir()] == ["made"]


def test_what_a_killed_process_left_is_removed_once_nobody_is_at_work(
    tmp_path: Path,
) -> None:
    parent = tmp_path / "parent"
    killed = start_making(tmp_path, "killed")
    killed.kill()
    killed.communicate()
    (left,) = parent.iterdir()
    (parent / "others.partial").mkdir()
    finish(start_making(tmp_path, "next"), tmp_path / "next.go")
    assert not left.exists()
    assert {path.name for path in parent.iterdir()} == {"made", "others.partial"}


def test_made_folder_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    finish(start_making(tmp_path, "one"), tmp_path / "one.go")
    tmp_path.joinpath("plain").mkdir()
    modes = {tmp_path.joinpath(p).stat().st_mode for p in ("plain", "parent/made")}
    assert len(modes) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("corpus", ["fsdd", "mini_an4"])
def test_stage_started_twice_at_once_makes_the_data_of_one(
    request: pytest.FixtureRequest, archive: Path, tmp_path: Path, corpus: str
) -> None:
    forked = multiprocessing.get_context("fork")
    both = forked.Barrier(2)

    def create(recipe_dir: Path) -> None:
        create_dataset(dataset, recipe_dir, source=archive)

    def create_when_both_are_there() -> None:
        both.wait()
        create(tmp_path / "twice")

    if corpus == "fsdd":
        dataset = request.getfixturevalue("small_fsdd")
    else:
        dataset = request.getfixturevalue("mini_an4")
    create(tmp_path / "alone")
    processes = [forked.Process(target=create_when_both_are_there) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert read_files(tmp_path / "twice") == read_files(tmp_path / "alone")
    assert not list(tmp_path.rglob("*.partial"))
