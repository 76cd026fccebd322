"""The data of egs/mini_an4: complete or absent, the same every time."""

import importlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from tests.egs.recipe import (
    Interruption,
    create_dataset,
    loaded_dataset,
    read_files,
)

RECIPE = Path(__file__).parents[2] / "egs" / "mini_an4" / "esp2_asr"
PACKAGE, FILE = "egs3.mini_an4.esp2_asr", "downloads.tar.gz"


@pytest.fixture(scope="module")
def mini_an4() -> Iterator[ModuleType]:
    """Load the recipe's dataset folder."""
    with loaded_dataset(RECIPE) as module:
        yield module


@pytest.fixture()
def archive(mini_an4: ModuleType) -> ModuleType:
    """Return the module that finds and unpacks the archive."""
    return importlib.import_module(f"{mini_an4.__name__}.archive")


def test_splits(mini_an4: ModuleType, tmp_path: Path) -> None:
    create_dataset(mini_an4, tmp_path)
    splits = {
        split: mini_an4.Dataset(split, recipe_dir=tmp_path)
        for split in ("train", "valid", "test")
    }
    texts = {
        split: [dataset[i]["text"] for i in range(len(dataset))]
        for split, dataset in splits.items()
    }
    assert texts == {
        "train": [
            "YES",
            "GO",
            "MARCH THIRD NINETEEN TWENTY EIGHT",
            "ELEVEN SEVENTEEN FIFTY ONE",
        ],
        "valid": ["START"],
        "test": [
            "ELEVEN TWENTY SEVEN FIFTY SEVEN",
            "OCTOBER TWENTY FOUR NINETEEN SEVENTY",
        ],
    }


def test_speech_is_what_the_archive_holds(mini_an4: ModuleType, tmp_path: Path) -> None:
    create_dataset(mini_an4, tmp_path)
    spheres = tmp_path / "downloads" / "an4" / "wav"
    expected, rate = soundfile.read(
        spheres / "an4_clstk" / "fash" / "an251-fash-b.sph", dtype="int16"
    )
    speech = mini_an4.Dataset("train", recipe_dir=tmp_path)[0]["speech"]
    assert rate == 16000
    assert speech.dtype == np.float32
    np.testing.assert_array_equal(speech * 32768, expected)


def test_wav_files_are_16_bit_mono(mini_an4: ModuleType, tmp_path: Path) -> None:
    create_dataset(mini_an4, tmp_path)
    wavs = list((tmp_path / "data" / "mini_an4" / "wav").iterdir())
    infos = [soundfile.info(wav) for wav in wavs]
    assert len(infos) == 7
    assert {(i.samplerate, i.channels, i.subtype) for i in infos} == {
        (16000, 1, "PCM_16")
    }


def test_rebuild_is_byte_identical(mini_an4: ModuleType, tmp_path: Path) -> None:
    create_dataset(mini_an4, tmp_path / "first")
    create_dataset(mini_an4, tmp_path / "second")
    assert read_files(tmp_path / "first") == read_files(tmp_path / "second")


def test_ready_data_is_left_alone(mini_an4: ModuleType, tmp_path: Path) -> None:
    create_dataset(mini_an4, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    create_dataset(mini_an4, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("calls", [0, 10])
def test_resumes_after_interrupted_extraction(
    mini_an4: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    interruption = Interruption(tarfile.data_filter, calls)
    with monkeypatch.context() as patch:
        patch.setattr(tarfile, "data_filter", interruption)
        with pytest.raises(KeyboardInterrupt):
            create_dataset(mini_an4, tmp_path)
    assert list(tmp_path.iterdir()) == []
    create_dataset(mini_an4, tmp_path)
    assert len(mini_an4.Dataset("train", recipe_dir=tmp_path)) == 4


@pytest.mark.parametrize("calls", [0, 6])
def test_resumes_after_interrupted_build(
    mini_an4: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    interruption = Interruption(soundfile.write, calls)
    with monkeypatch.context() as patch:
        patch.setattr(soundfile, "write", interruption)
        with pytest.raises(KeyboardInterrupt):
            create_dataset(mini_an4, tmp_path)
    assert not mini_an4.DatasetBuilder().is_built(recipe_dir=tmp_path)
    assert list((tmp_path / "data").iterdir()) == []
    create_dataset(mini_an4, tmp_path)
    assert len(mini_an4.Dataset("test", recipe_dir=tmp_path)) == 2


def test_resumes_after_a_killed_process(mini_an4: ModuleType, tmp_path: Path) -> None:
    leftovers = [
        tmp_path / "downloads.partial" / "an4" / "half.sph",
        tmp_path / "data" / "mini_an4.partial" / "wav" / "half.wav",
    ]
    for leftover in leftovers:
        leftover.parent.mkdir(parents=True)
        leftover.write_bytes(b"RIFF")
    create_dataset(mini_an4, tmp_path)
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(tmp_path.rglob("half.*"))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_archive(archive: ModuleType, tmp_path: Path, share: float) -> None:
    whole = archive.find_archive(PACKAGE, FILE).read_bytes()
    truncated = tmp_path / "truncated.tar.gz"
    truncated.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(RuntimeError, match="truncated.tar.gz is damaged.*reinstall"):
        archive.extract_archive(truncated, tmp_path / "downloads")
    assert list(tmp_path.iterdir()) == [truncated]


def test_archive_that_is_none(archive: ModuleType, tmp_path: Path) -> None:
    text = tmp_path / "page.tar.gz"
    text.write_text("<html>not found</html>")
    with pytest.raises(RuntimeError, match="page.tar.gz is damaged"):
        archive.extract_archive(text, tmp_path / "downloads")


def test_archive_cannot_write_elsewhere(archive: ModuleType, tmp_path: Path) -> None:
    evil = tmp_path / "evil.tar.gz"
    with tarfile.open(evil, "w:gz") as tar:
        member = tarfile.TarInfo("downloads/../../stolen")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(RuntimeError, match="evil.tar.gz is damaged"):
        archive.extract_archive(evil, tmp_path / "inside" / "downloads")
    assert not list(tmp_path.rglob("stolen"))


@pytest.mark.parametrize("package", [PACKAGE, "egs3.no_such_corpus"])
def test_missing_archive(archive: ModuleType, package: str) -> None:
    with pytest.raises(FileNotFoundError, match="absent.tar.gz.*reinstall ESPnet"):
        archive.find_archive(package, "absent.tar.gz")


def test_unknown_split(mini_an4: ModuleType) -> None:
    with pytest.raises(ValueError, match="'dev': choose one of train, valid, test"):
        mini_an4.Dataset("dev")


def test_data_not_built(mini_an4: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train.tsv.*create_dataset"):
        mini_an4.Dataset("train", recipe_dir=tmp_path)


def test_malformed_transcript(mini_an4: ModuleType, tmp_path: Path) -> None:
    transcript = importlib.import_module(f"{mini_an4.__name__}.transcript")
    path = tmp_path / "an4.transcription"
    path.write_text("YES\n")
    with pytest.raises(ValueError, match="an4.transcription.*'YES'"):
        transcript.read_transcripts(path)
