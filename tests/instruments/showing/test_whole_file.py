"""What the command writes with --plot and --json: whole, or not at all."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from espnet_residuals.cli import main
from tests.instruments.recipe import write_recipe

PNG = b"\x89PNG\r\n"


@pytest.fixture(params=["--plot", "--json"])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], Path]:
    """Return a command that writes a file, and the file."""
    suffix = {"--plot": ".png", "--json": ".json"}[request.param]
    path = tmp_path / "output" / f"written{suffix}"
    path.parent.mkdir()
    config = str(write_recipe(tmp_path))
    return ["probe", config, "--frames", "30", request.param, str(path)], path


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 100 bytes; not for longer, as pytest writes too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_failed_file_is_not_there(
    command: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, path = command
    with full_disk():
        code = main(arguments)
    assert code == 3
    assert f"cannot write {path}: File too large" in capsys.readouterr().err
    assert list(path.parent.iterdir()) == []


def test_older_file_survives_a_failure(
    command: tuple[list[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, path = command
    path.write_text("older")
    with full_disk():
        code = main(arguments)
    assert code == 3
    assert path.read_text() == "older"
    assert list(path.parent.iterdir()) == [path]


def test_newer_file_takes_the_place_behind_a_link(
    command: tuple[list[str], Path], tmp_path: Path
) -> None:
    arguments, path = command
    behind = tmp_path / f"behind{path.suffix}"
    behind.write_text("older")
    path.symlink_to(behind)
    assert main(arguments) == 0
    assert path.is_symlink()
    assert behind.read_bytes()[:1] in (b"{", PNG[:1])


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    config = str(write_recipe(tmp_path))
    assert main(["probe", config, "--frames", "30", "--json", str(pipe)]) == 0
    assert os.read(reader, 1) == b"{"
    os.close(reader)
    assert pipe.is_fifo()


def test_picture_without_a_suffix_gets_one(tmp_path: Path) -> None:
    assert main(["show", "decay", "--plot", str(tmp_path / "decay")]) == 0
    (picture,) = tmp_path.iterdir()
    assert picture.name == "decay.png" and picture.read_bytes().startswith(PNG)
