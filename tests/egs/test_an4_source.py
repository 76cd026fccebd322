"""Where egs/an4 gets its recordings: all of them, the right ones, or a clear error."""

import shutil
from pathlib import Path
from types import ModuleType

import pytest
import soundfile
from omegaconf import OmegaConf

from tests.egs.an4 import RECIPE, samples_of, utterances, write_data_set
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
    r"Get http\S+ \(about 64 MB\) and name .* variable AN4 or in "
    r"create_dataset\.source .* put it into the recipe's downloads/\.$"
)


@pytest.fixture()
def sphere(tmp_path: Path) -> Path:
    """Return the small data set in the layout of the public archive."""
    return write_data_set(tmp_path / "an4", "sph")


def prepare(an4: ModuleType, recipe_dir: Path, source: Path | None = None) -> None:
    """Do the first half of the stage."""
    an4.DatasetBuilder().prepare_source(recipe_dir=recipe_dir, source=source)


def prepared(recipe_dir: Path) -> dict[str, bytes]:
    """Return the files that the recipe has got."""
    return read_files(recipe_dir / "downloads" / "an4")


@pytest.mark.parametrize("kind", ["folder", "tar", "tar.gz"])
@pytest.mark.parametrize("suffix", ["flac", "sph", "wav"])
def test_every_layout_gives_the_same_data(
    small_an4: ModuleType, tmp_path: Path, suffix: str, kind: str
) -> None:
    source = write_data_set(tmp_path / "an4", suffix)
    if kind != "folder":
        source = pack(tmp_path / f"given.{kind}", source)
    create_dataset(small_an4, tmp_path / "recipe", source=source)
    data = tmp_path / "recipe" / "data" / "an4"
    ids = [utt_id for part in ("train", "test") for utt_id, _ in utterances(part)]
    assert len(list((data / "wav").iterdir())) == len(ids)
    for utt_id in ids:
        samples, rate = soundfile.read(data / "wav" / f"{utt_id}.wav", dtype="int16")
        assert rate == 16000 and (samples == samples_of(utt_id)).all()


def test_licence_goes_with_every_copy(
    small_an4: ModuleType, sphere: Path, tmp_path: Path
) -> None:
    create_dataset(small_an4, tmp_path, source=sphere)
    for folder in ("downloads/an4", "data/an4"):
        text = (tmp_path / folder / "LICENSE").read_text()
        assert "Copyright (c) 1991-2005 Carnegie Mellon University" in text
        assert "Redistributions of source code must retain" in text
        assert "THIS SOFTWARE IS PROVIDED BY CARNEGIE MELLON UNIVERSITY" in text


def test_variable_is_the_source_unless_the_configuration_names_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = OmegaConf.load(RECIPE / "conf" / "training.yaml")
    monkeypatch.delenv("AN4", raising=False)
    assert training.create_dataset.source is None
    monkeypatch.setenv("AN4", "/some/an4.tar")
    assert training.create_dataset.source == "/some/an4.tar"


@pytest.mark.parametrize("name", ["an4.tar.gz", "an4.tar"])
def test_archive_in_downloads_is_used_without_network(
    small_an4: ModuleType, sphere: Path, tmp_path: Path, name: str
) -> None:
    archive = tmp_path / "recipe" / "downloads" / name
    archive.parent.mkdir(parents=True)
    pack(archive, sphere)
    prepare(small_an4, tmp_path / "recipe")
    assert len(prepared(tmp_path / "recipe")) == 20 + 2 + 1


def test_download(
    small_an4: ModuleType,
    sphere: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = pack(tmp_path / "an4.tar.gz", sphere).read_bytes()
    with served(body, len(body)) as url:
        submodule(small_an4, "config").CONFIG.source.url = url
        prepare(small_an4, tmp_path / "recipe")
    assert len(prepared(tmp_path / "recipe")) == 20 + 2 + 1
    assert url in capsys.readouterr().err


def test_no_network(small_an4: ModuleType, tmp_path: Path) -> None:
    message = rf"^cannot download http://127\.0\.0\.1:9/\S+: .*refused.*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_an4, tmp_path)
    assert_nothing_is_left(tmp_path)


def test_absent_path(small_an4: ModuleType, tmp_path: Path) -> None:
    message = rf"\(or the variable AN4\) names {tmp_path}/absent, which .*{HOW_TO_GET}"
    with pytest.raises(FileNotFoundError, match=message):
        prepare(small_an4, tmp_path, tmp_path / "absent")
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9])
def test_truncated_archive(
    small_an4: ModuleType, sphere: Path, tmp_path: Path, share: float, suffix: str
) -> None:
    archive = pack(tmp_path / f"cut.{suffix}", sphere)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    message = rf"cut\.{suffix} (is cut short, damaged or no|lacks) .*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_an4, tmp_path / "recipe", archive)
    assert_nothing_is_left(tmp_path / "recipe")


def test_archive_that_is_none(small_an4: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.tar.gz"
    page.write_text("<html>not found</html>")
    message = rf"page\.tar\.gz is .* no \.tar or \.tar\.gz archive.*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_an4, tmp_path / "recipe", page)
    assert_nothing_is_left(tmp_path / "recipe")


@pytest.mark.parametrize(
    "file, message",
    [
        ("wav/an4_clstk/mbob/an0-mbob-b.sph", "lacks 1 of 16 .* as an0-mbob-b"),
        ("etc/an4_test.transcription", r"lacks an4_test\.transcription"),
    ],
)
def test_incomplete_source(
    small_an4: ModuleType, sphere: Path, tmp_path: Path, file: str, message: str
) -> None:
    (sphere / file).unlink()
    with pytest.raises(RuntimeError, match=rf"{sphere} {message}\. {HOW_TO_GET}"):
        prepare(small_an4, tmp_path / "recipe", sphere)
    assert_nothing_is_left(tmp_path / "recipe")


def test_other_samples_of_the_same_names(
    small_an4: ModuleType, sphere: Path, tmp_path: Path
) -> None:
    path = sphere / "wav" / "an4_clstk" / "mbob" / "an0-mbob-b.sph"
    soundfile.write(path, samples_of("other"), 16000, "PCM_16", format="NIST")
    message = rf"an4 has recordings of the right names, but not .*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_an4, tmp_path / "recipe", sphere)


def test_other_words(small_an4: ModuleType, sphere: Path, tmp_path: Path) -> None:
    transcript = sphere / "etc" / "an4_test.transcription"
    transcript.write_text(transcript.read_text().replace("YES", "NO", 1))
    with pytest.raises(RuntimeError, match=rf"or not its words: .*{HOW_TO_GET}"):
        prepare(small_an4, tmp_path / "recipe", sphere)


def test_transcript_that_is_none(
    small_an4: ModuleType, sphere: Path, tmp_path: Path
) -> None:
    (sphere / "etc" / "an4_test.transcription").write_text("YES\n")
    with pytest.raises(RuntimeError, match=rf"expected 'WORDS .*{HOW_TO_GET}"):
        prepare(small_an4, tmp_path / "recipe", sphere)
    assert_nothing_is_left(tmp_path / "recipe")


def test_recordings_of_another_rate(small_an4: ModuleType, tmp_path: Path) -> None:
    source = write_data_set(tmp_path / "an4", "wav", rate=48000)
    message = rf"in Hz: found 48000, must be 16000\. {HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_an4, tmp_path / "recipe", source)
    assert_nothing_is_left(tmp_path / "recipe")


def test_recording_that_is_none(
    small_an4: ModuleType, sphere: Path, tmp_path: Path
) -> None:
    (sphere / "wav" / "an4_clstk" / "mbob" / "an0-mbob-b.sph").write_bytes(b"NIST_1A")
    message = rf"an0-mbob-b\.sph is no whole recording: .*{HOW_TO_GET}"
    with pytest.raises(RuntimeError, match=message):
        prepare(small_an4, tmp_path / "recipe", sphere)


@pytest.mark.parametrize("calls", [0, 12])
def test_resumes_after_an_interruption(
    small_an4: ModuleType,
    sphere: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    recipe = tmp_path / "recipe"
    for function in (shutil.copyfile, soundfile.write):
        interruption = Interruption(function, calls)
        module = shutil if function is shutil.copyfile else soundfile
        with monkeypatch.context() as patch:
            patch.setattr(module, function.__name__, interruption)
            with pytest.raises(KeyboardInterrupt):
                create_dataset(small_an4, recipe, source=sphere)
        assert not (recipe / "data" / "an4").exists()
        assert not list(recipe.rglob("*.partial"))
        prepare(small_an4, recipe, sphere)
    create_dataset(small_an4, recipe)
    assert len(small_an4.Dataset("train", recipe_dir=recipe)) == 12
