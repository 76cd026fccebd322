"""An archive with huge files in it is refused; nothing of it fills the memory."""

import gzip
import io
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.egs.recipe import create_dataset, loaded_dataset

EGS = Path(__file__).parents[2] / "egs"
NAME = "some/3_ann_1.wav"
LARGE = 64 << 20  # bytes
ENOUGH = 16 << 20  # bytes of memory


class Zeros(io.RawIOBase):
    """As many zeros as one reads."""

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def plain(tar: tarfile.TarFile) -> None:
    """Add a large file."""
    member = tarfile.TarInfo(NAME)
    member.size = LARGE
    tar.addfile(member, Zeros())


def said_to_be_8_gb(tar: tarfile.TarFile) -> None:
    """Add the header of a larger one."""
    member = tarfile.TarInfo(NAME)
    member.size = 8 << 30
    tar.addfile(member)


def sparse(tar: tarfile.TarFile) -> None:
    """Add a file of 1 TiB that is nothing but a hole."""
    member = tarfile.TarInfo(NAME)
    member.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.name": NAME,
        "GNU.sparse.realsize": str(1 << 40),
    }
    member.size = tarfile.BLOCKSIZE
    tar.addfile(member, io.BytesIO(b"0\n".ljust(tarfile.BLOCKSIZE, b"\0")))


def long_name(tar: tarfile.TarFile) -> None:
    """Add a file whose name alone is large."""
    member = tarfile.TarInfo("././@LongLink")
    member.type = tarfile.GNUTYPE_LONGNAME
    member.size = LARGE
    tar.addfile(member, Zeros())
    tar.addfile(tarfile.TarInfo(NAME))


MEMBERS: list[tuple[Callable[[tarfile.TarFile], None], int]] = [
    (plain, LARGE),
    (said_to_be_8_gb, 8 << 30),
    (sparse, 1 << 40),
    (long_name, LARGE),
]


@pytest.fixture(params=MEMBERS, ids=lambda param: param[0].__name__)
def large(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, int]:
    """Return an archive with one large member, and its size."""
    add, size = request.param
    path = tmp_path / "large.tar.gz"
    with (
        gzip.open(path, "wb", compresslevel=1) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        add(tar)
    return path, size


@pytest.fixture()
def memory() -> Iterator[None]:
    """Check that no more than a little memory was used."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < ENOUGH


@pytest.mark.usefixtures("memory")
def test_digits_of_a_large_archive(
    small_fsdd: ModuleType, large: tuple[Path, int], tmp_path: Path
) -> None:
    path, size = large
    message = rf"large\.tar\.gz .*{size} bytes, where .*at most"
    with pytest.raises(RuntimeError, match=message):
        create_dataset(small_fsdd, tmp_path / "recipe", source=path)
    assert not list(tmp_path.joinpath("recipe").rglob("*.wav"))


@pytest.mark.usefixtures("memory")
def test_digits_of_a_folder_with_a_large_file(
    small_fsdd: ModuleType, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with source.joinpath("3_ann_1.wav").open("wb") as file:
        file.truncate(1 << 40)
    message = rf"{source} has a file 3_ann_1\.wav of {1 << 40} bytes, where .*at most"
    with pytest.raises(RuntimeError, match=message):
        create_dataset(small_fsdd, tmp_path / "recipe", source=source)


@pytest.mark.usefixtures("memory")
def test_mini_an4_of_a_large_archive(large: tuple[Path, int], tmp_path: Path) -> None:
    path, size = large
    with loaded_dataset(EGS / "mini_an4" / "esp2_asr") as mini_an4:
        archive = import_module(f"{mini_an4.__name__}.archive")
    message = rf"large\.tar\.gz is damaged .*{size} bytes, where .*at most"
    with pytest.raises(RuntimeError, match=message):
        archive.extract_archive(path, tmp_path / "downloads")
    assert [path.name for path in tmp_path.iterdir()] == ["large.tar.gz"]
