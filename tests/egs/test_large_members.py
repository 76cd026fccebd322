"""An archive with huge files in it is refused; nothing of it fills the memory."""

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.egs.recipe import create_dataset, loaded_dataset

EGS = Path(__file__).parents[2] / "egs"
NAMES = {"fsdd": "some/3_ann_1.wav", "an4": "some/an1-fann-b.wav"}
LARGE = 64 << 20  # bytes
ENOUGH = 16 << 20  # bytes of memory


class Zeros(io.RawIOBase):
    """As many zeros as one reads."""

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def plain(tar: tarfile.TarFile, name: str) -> None:
    """Add a large file."""
    member = tarfile.TarInfo(name)
    member.size = LARGE
    tar.addfile(member, Zeros())


def said_to_be_8_gb(tar: tarfile.TarFile, name: str) -> None:
    """Add the header of a larger one."""
    member = tarfile.TarInfo(name)
    member.size = 8 << 30
    tar.addfile(member)


def sparse(tar: tarfile.TarFile, name: str) -> None:
    """Add a file of 1 TiB that is nothing but a hole."""
    member = tarfile.TarInfo(name)
    member.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": name,
        "GNU.sparse.realsize": str(1 << 40),
    }
    member.size = tarfile.BLOCKSIZE
    tar.addfile(member, io.BytesIO(b"0\n".ljust(tarfile.BLOCKSIZE, b"\0")))


def long_name(tar: tarfile.TarFile, name: str) -> None:
    """Add a file whose name alone is large."""
    member = tarfile.TarInfo("././@LongLink")
    member.type = tarfile.GNUTYPE_LONGNAME
    member.size = LARGE
    tar.addfile(member, Zeros())
    tar.addfile(tarfile.TarInfo(name))


MEMBERS: list[tuple[Callable[[tarfile.TarFile, str], None], int]] = [
    (plain, LARGE),
    (said_to_be_8_gb, 8 << 30),
    (sparse, 1 << 40),
    (long_name, LARGE),
]


@pytest.fixture(params=MEMBERS, ids=lambda param: param[0].__name__)
def member(request: pytest.FixtureRequest) -> tuple[Any, int]:
    """Return what adds a large member, and its size."""
    added: tuple[Any, int] = request.param
    return added


def write_archive(path: Path, name: str, add: Any) -> Path:
    """Write an archive with one large member; gzipped if its name says so."""
    opened = gzip.open(path, "wb", 1) if path.suffix == ".gz" else path.open("wb")
    with (
        opened as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        add(tar, name)
    return path


@pytest.fixture()
def memory() -> Iterator[None]:
    """Check that no more than a little memory was used."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < ENOUGH


@pytest.fixture(params=NAMES)
def dataset(request: pytest.FixtureRequest) -> ModuleType:
    """Load the dataset folder of a recipe, set to its small data set."""
    module: ModuleType = request.getfixturevalue(f"small_{request.param}")
    return module


@pytest.fixture()
def name(dataset: ModuleType) -> str:
    """Return the name of a recording in an archive of the recipe."""
    return next(name for corpus, name in NAMES.items() if corpus in dataset.__name__)


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_large_archive(
    dataset: ModuleType, name: str, member: tuple[Any, int], tmp_path: Path, suffix: str
) -> None:
    add, size = member
    path = write_archive(tmp_path / f"large.{suffix}", name, add)
    message = rf"large\.{suffix} .*{size} bytes, where .*at most"
    with pytest.raises(RuntimeError, match=message):
        create_dataset(dataset, tmp_path / "recipe", source=path)
    assert not list(tmp_path.joinpath("recipe").rglob("*.wav"))


@pytest.mark.usefixtures("memory")
def test_folder_with_a_large_file(
    dataset: ModuleType, name: str, tmp_path: Path
) -> None:
    file_name = Path(name).name
    source = tmp_path / "source"
    source.mkdir()
    with source.joinpath(file_name).open("wb") as file:
        file.truncate(1 << 40)
    message = rf"{source} has a file {file_name} of {1 << 40} bytes, where .*at most"
    with pytest.raises(RuntimeError, match=message):
        create_dataset(dataset, tmp_path / "recipe", source=source)


@pytest.mark.usefixtures("memory")
def test_mini_an4_of_a_large_archive(member: tuple[Any, int], tmp_path: Path) -> None:
    add, size = member
    path = write_archive(tmp_path / "large.tar.gz", NAMES["fsdd"], add)
    with loaded_dataset(EGS / "mini_an4" / "esp2_asr") as mini_an4:
        archive = import_module(f"{mini_an4.__name__}.archive")
    message = rf"large\.tar\.gz is damaged .*{size} bytes, where .*at most"
    with pytest.raises(RuntimeError, match=message):
        archive.extract_archive(path, tmp_path / "downloads")
    assert [path.name for path in tmp_path.iterdir()] == ["large.tar.gz"]
