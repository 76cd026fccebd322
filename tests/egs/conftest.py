"""Fixtures of the digits recipe: its dataset folder, and a small data set for it."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import pytest

from tests.egs.fsdd import RECIPE, SMALL, pack, submodule, write_recordings
from tests.egs.recipe import loaded_dataset


@pytest.fixture(scope="module")
def fsdd() -> Iterator[ModuleType]:
    """Load the recipe's dataset folder."""
    with loaded_dataset(RECIPE) as module:
        yield module


@pytest.fixture()
def small_fsdd(
    fsdd: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """Set the recipe to the small data set."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    config = submodule(fsdd, "config").CONFIG
    before = deepcopy(config)
    config.merge_with(SMALL)
    # Nothing listens on port 9: no test may reach the web.
    config.source.url = "http://127.0.0.1:9/fsdd.tar.gz"
    yield fsdd
    config.merge_with(before)


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the small data set; to be read only."""
    folder = tmp_path_factory.mktemp("fsdd") / "free-spoken-digit-dataset"
    write_recordings(folder / "recordings")
    return folder


@pytest.fixture(scope="session")
def archive(unpacked: Path) -> Path:
    """Return the archive of the small data set; to be read only."""
    return pack(unpacked.with_suffix(".tar.gz"), unpacked)
