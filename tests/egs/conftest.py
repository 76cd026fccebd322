"""Fixtures of the digits' and AN4's recipes: dataset folders, and small data sets."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from types import ModuleType

import pytest

from tests.egs import an4 as small_data_of_an4
from tests.egs.fsdd import RECIPE, SMALL, write_recordings
from tests.egs.recipe import loaded_dataset, pack, submodule


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


@pytest.fixture(scope="module")
def an4() -> Iterator[ModuleType]:
    """Load the dataset folder of AN4's recipe."""
    with loaded_dataset(small_data_of_an4.RECIPE) as module:
        yield module


@pytest.fixture()
def small_an4(an4: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Set AN4's recipe to the small data set."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    config = submodule(an4, "config").CONFIG
    before = deepcopy(config)
    config.merge_with(small_data_of_an4.SMALL)
    config.source.digest = small_data_of_an4.digest()
    config.source.url = "http://127.0.0.1:9/an4_sphere.tar.gz"
    yield an4
    config.merge_with(before)
