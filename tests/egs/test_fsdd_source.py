"""Where egs/fsdd gets its recordings: all of them, the right ones, or a clear error."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
from omegaconf import OmegaConf

from tests.egs.fsdd import RECIPE
from tests.egs.recipe import (
    Interruption,
    assert_nothing_is_left,
    create_dataset,
    pack,
    read_files,
    submodule,
)
from tests.egs.server import served

HOW_TO_GET = (
    r"Get http\S+ \(about 16 MB\) and name .* variable FSDD or in "
    r"create_dataset\.source .* downloads/ as fsdd\.tar\.gz\.$"
)


def prepare(fsdd: ModuleType, recipe_dir: Path, source: Path | None = None) -> None:
    """Do the first half of the stage."""
    fsdd.DatasetBuilder().prepare_source(recipe_dir=recipe_dir, source=source)


def recordings_in(recipe_dir: Path) -> dict[str, bytes]:
    """Return the recordings that the recipe has got."""
    return read_files(recipe_dir / "downloads" / "recordings")


@pytest.mark.parametrize("kind", ["archive", "folder", "recordings"])
def test_source_of_every_kind(
    small_fsdd: ModuleType, archive: Path, unpacked: Path, tmp_path: Path, kind: str
) -> None:
    source = {
        "archive": archive,
        "folder": unpacked,
        "recordings": unpacked / "recordings",
    }[kind]
    prepare(small_fsdd, tmp_path / "recipe", source)
    assert recordings_in(tmp_path / "recipe") == read_files(unpacked / "recordings")


def test_digest_is_that_of_sha256sum(fsdd: ModuleType, unpacked: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not installed")
    recordings = unpacked / "recordings"
    printed = subprocess.run(
        "LC_ALL=C; sha256sum *.wav | sha256sum",
        shell=True,
        cwd=recordings,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted(path.name for path in recordings.iterdir())
    assert submodule(fsdd, "check").digest_of(recordings, names) == printed.split()[0]


def test_variable_is_the_source_unless_the_configuration_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = OmegaConf.load(RECIPE / "conf" / "training.yaml")
    monkeypatch.delenv("FSDD", raising=False)
    assert training.create_dataset.source is None
    monkeypatch.setenv("FSDD", "/some/archive.tar.gz")
    assert training.create_dataset.source == "/some/archive.tar.gz"


def test_source_is_asked_before_downloads(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    old = tmp_path / "downloads" / "old.tar.gz"
    old.parent.mkdir()
    old.write_bytes(b"no archive")
    prepare(small_fsdd, tmp_path, archive)
    assert len(recordings_in(tmp_path)) == 120
    assert old.read_bytes() == b"no archive"


def test_archive_in_downloads_is_used_without_network(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "downloads").mkdir()
    shutil.copy(archive, tmp_path / "downloads" / "fsdd.tar.gz")
    prepare(small_fsdd, tmp_path)
    assert len(recordings_in(tmp_path)) == 120


def test_source_is_not_asked_again(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    create_dataset(small_fsdd, tmp_path, source=archive)
    create_dataset(small_fsdd, tmp_path, source=tmp_path / "absent", held_out="bob")
    assert len(small_fsdd.Dataset("unseen", held_out="bob", recipe_dir=tmp_path)) == 8


def test_absent_path(small_fsdd: ModuleType, tmp_path: Path) -> None:
    message = rf"source .* names {tmp_path}/absent, which does not .*{HOW_TO_GET}"
    with pytest.raises(FileNotFoundError, match=message):
        prepare(small_fsdd, tmp_path, tmp_path / "absent")
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_archive(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path, share: float
) -> None:
    whole = archive.read_bytes()
    truncated = tmp_path / "truncated.tar.gz"
    truncated.write_bytes(whole[: int(share * len(whole))])
    message = rf"truncated\.tar\.gz is cut short, .*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_fsdd, tmp_path / "recipe", truncated)
    assert_nothing_is_left(tmp_path / "recipe")
    prepare(small_fsdd, tmp_path / "recipe", archive)
    assert len(recordings_in(tmp_path / "recipe")) == 120


def test_archive_that_is_none(small_fsdd: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.tar.gz"
    page.write_text("<html>not found</html>")
    with pytest.raises(
        RuntimeError, match=rf"page\.tar\.gz is .* no \.tar.*{HOW_TO_GET}"
    ):
        prepare(small_fsdd, tmp_path / "recipe", page)
    assert_nothing_is_left(tmp_path / "recipe")


@pytest.mark.parametrize("packed", [True, False])
def test_incomplete_source(
    small_fsdd: ModuleType, unpacked: Path, tmp_path: Path, packed: bool
) -> None:
    folder = tmp_path / "some"
    shutil.copytree(unpacked, folder)
    (folder / "recordings" / "3_bob_1.wav").unlink()
    (folder / "recordings" / "7_ann_0.wav").unlink()
    source = pack(tmp_path / "some.tar.gz", folder) if packed else folder
    message = (
        rf"{source} lacks 2 of 120 recordings, such as 3_bob_1\.wav, 7_ann_0\.wav\."
        rf" {HOW_TO_GET}"
    )
    with pytest.raises(RuntimeError, match=message):
        prepare(small_fsdd, tmp_path / "recipe", source)
    assert_nothing_is_left(tmp_path / "recipe")


def test_other_recordings_of_the_same_names(
    small_fsdd: ModuleType, unpacked: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    shutil.copytree(unpacked, folder)
    (folder / "recordings" / "3_bob_1.wav").write_bytes(b"RIFF")
    message = rf"other has recordings .* not those of commit 26eb9aa.*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_fsdd, tmp_path / "recipe", folder)
    assert_nothing_is_left(tmp_path / "recipe")


def test_files_that_are_no_recordings_are_not_taken(
    small_fsdd: ModuleType, unpacked: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "more"
    shutil.copytree(unpacked, folder)
    (folder / "recordings" / "0_dan_0.wav").write_bytes(b"RIFF")
    (folder / "README.md").write_text("digits")
    for source in (folder, pack(tmp_path / "more.tar.gz", folder)):
        prepare(small_fsdd, tmp_path / "recipe", source)
        assert len(recordings_in(tmp_path / "recipe")) == 120
        shutil.rmtree(tmp_path / "recipe")


def test_archive_cannot_write_elsewhere(small_fsdd: ModuleType, tmp_path: Path) -> None:
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as tar:
        for name in ("../../stolen", "../0_ann_0.wav", f"{tmp_path}/0_ann_1.wav"):
            member = tarfile.TarInfo(name)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"abc"))
        link = tarfile.TarInfo("0_ann_2.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(RuntimeError, match="lacks 118 of 120 recordings"):
        prepare(small_fsdd, tmp_path / "inside" / "recipe", evil)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [evil]


@pytest.mark.parametrize("calls", [0, 50])
def test_resumes_after_interrupted_extraction(
    small_fsdd: ModuleType,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    interruption = Interruption(tarfile.TarInfo.isfile, calls)
    with monkeypatch.context() as patch:
        patch.setattr(tarfile.TarInfo, "isfile", lambda member: interruption(member))
        with pytest.raises(KeyboardInterrupt):
            prepare(small_fsdd, tmp_path, archive)
    assert_nothing_is_left(tmp_path)
    prepare(small_fsdd, tmp_path, archive)
    assert len(recordings_in(tmp_path)) == 120


@pytest.mark.parametrize("length_is_told", [True, False])
def test_download(
    small_fsdd: ModuleType,
    archive: Path,
    unpacked: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    length_is_told: bool,
) -> None:
    body = archive.read_bytes()
    with served(body, len(body) if length_is_told else None) as url:
        submodule(small_fsdd, "config").CONFIG.source.url = url
        prepare(small_fsdd, tmp_path)
    assert recordings_in(tmp_path) == read_files(unpacked / "recordings")
    assert url in capsys.readouterr().err


def test_download_that_breaks_off(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    body = archive.read_bytes()
    with served(body[:-1000], len(body)) as url:
        submodule(small_fsdd, "config").CONFIG.source.url = url
        message = rf"cannot download {url}: .* 1000 bytes before the end\. {HOW_TO_GET}"
        with pytest.raises(RuntimeError, match=message):
            prepare(small_fsdd, tmp_path)
    assert_nothing_is_left(tmp_path)


def test_download_that_breaks_off_unnoticed(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    with served(archive.read_bytes()[:-1000], None) as url:
        submodule(small_fsdd, "config").CONFIG.source.url = url
        with pytest.raises(RuntimeError, match=rf"{url} is cut short, .*{HOW_TO_GET}"):
            prepare(small_fsdd, tmp_path)
    assert_nothing_is_left(tmp_path)


def test_download_that_is_not_there(small_fsdd: ModuleType, tmp_path: Path) -> None:
    with served(b"<html>no such page</html>", None, status=404) as url:
        submodule(small_fsdd, "config").CONFIG.source.url = url
        message = rf"cannot download {url}: HTTP Error 404.*{HOW_TO_GET}"
        with pytest.raises(RuntimeError, match=message):
            prepare(small_fsdd, tmp_path)
    assert_nothing_is_left(tmp_path)


def test_download_that_is_no_archive(small_fsdd: ModuleType, tmp_path: Path) -> None:
    with served(b"<html>log in first</html>", None) as url:
        submodule(small_fsdd, "config").CONFIG.source.url = url
        message = rf"{url} is .* no \.tar\.gz archive.*{HOW_TO_GET}"
        with pytest.raises(RuntimeError, match=message):
            prepare(small_fsdd, tmp_path)
    assert_nothing_is_left(tmp_path)


def test_no_network(small_fsdd: ModuleType, tmp_path: Path) -> None:
    message = rf"^cannot download http://127\.0\.0\.1:9/\S+: .*refused.*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_fsdd, tmp_path)
    assert_nothing_is_left(tmp_path)
