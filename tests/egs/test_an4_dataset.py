"""The splits of egs/an4: by speaker, disjoint, the same everywhere."""

import os
import wave
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.egs.an4 import SPEAKERS, WORDS, samples_of, utterances, write_data_set
from tests.egs.recipe import create_dataset, read_files, submodule

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/data/an4-flac.tar"
SPLITS = ("train", "valid", "test")
OWN_VALID = {"fclc", "fmjc", "fnsv", "mcfl", "mdcs", "mdxs", "mtje", "mwhw"}

# SHA-256 over the names of all manifests and their content.
SMALL_DIGEST = "4471e83f373cda92004fef9a803d72a633444e614ab5c4baae2c1d8fd6569bb6"
REAL_DIGEST = "620b2f7b6ddb2778c8ad218da51a69cfdf26b2ef59a63d0dc216e603700c428a"

eighty_four = st.builds(
    lambda women, first: {f"{'fm'[n >= women]}{first + n}" for n in range(84)},
    women=st.integers(0, 84),
    first=st.integers(0, 10**6),
)


@pytest.fixture()
def recipe(small_an4: ModuleType, tmp_path: Path) -> Path:
    """Return a folder in which the small data set is built."""
    source = write_data_set(tmp_path / "an4")
    create_dataset(small_an4, tmp_path / "recipe", source=source)
    return tmp_path / "recipe"


def digest_of(data: Path) -> str:
    """Return one digest of all manifests of a data folder."""
    digest = sha256()
    for manifest in sorted(data.rglob("*.tsv")):
        digest.update(manifest.relative_to(data).as_posix().encode())
        digest.update(manifest.read_bytes())
    return digest.hexdigest()


def speakers_of(manifest: Path) -> set[str]:
    """Return who speaks in a manifest."""
    return {line.split("-")[1] for line in manifest.read_text().splitlines()}


def assert_disjoint(splits: Collection[Collection[str]], everybody: set[str]) -> None:
    """Check that everybody is in one split only."""
    assert set().union(*splits) == everybody
    assert sum(map(len, splits)) == len(everybody)


@pytest.mark.parametrize("fold", [None, 1, 2, 3, 4, 5])
def test_split_has_all_utterances_of_its_speakers(
    small_an4: ModuleType, recipe: Path, fold: int | None
) -> None:
    data = recipe / "data" / "an4"
    folder = data if fold is None else data / f"fold_{fold}"
    everybody = {*SPEAKERS["train"], *SPEAKERS["test"]}
    spoken = [speakers_of(folder / f"{split}.tsv") for split in SPLITS]
    assert_disjoint(spoken, everybody)
    for split, speakers in zip(SPLITS, spoken):
        dataset = small_an4.Dataset(split, fold, with_ids=True, recipe_dir=recipe)
        items = [dataset[index] for index in range(len(dataset))]
        expected = {
            utt_id: words
            for part in SPEAKERS
            for utt_id, words in utterances(part)
            if utt_id.split("-")[1] in speakers
        }
        assert {item["utt_id"]: item["text"] for item in items} == expected
        for item in items:
            samples = (item["speech"] * 2**15).astype(np.int16)
            np.testing.assert_array_equal(samples, samples_of(item["utt_id"]))


def test_own_test_split_is_the_test_part(recipe: Path) -> None:
    data = recipe / "data" / "an4"
    assert speakers_of(data / "test.tsv") == set(SPEAKERS["test"])
    assert len(speakers_of(data / "valid.tsv")) == 2


def test_training_items_are_audio_and_text_alone(
    small_an4: ModuleType, recipe: Path
) -> None:
    item = small_an4.Dataset("train", recipe_dir=recipe)[0]
    assert set(item) == {"speech", "text"}
    assert item["text"] in WORDS


def test_wav_files_are_16_bit_mono(recipe: Path) -> None:
    for path in (recipe / "data" / "an4" / "wav").iterdir():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")


def test_manifests_are_the_same_to_the_byte(recipe: Path) -> None:
    assert digest_of(recipe / "data" / "an4") == SMALL_DIGEST


def test_rebuild_is_byte_identical(
    small_an4: ModuleType, recipe: Path, tmp_path: Path
) -> None:
    source = write_data_set(tmp_path / "other", "flac")
    create_dataset(small_an4, tmp_path / "again", source=source)
    assert read_files(tmp_path / "again/data") == read_files(recipe / "data")


def test_ready_data_is_left_alone(small_an4: ModuleType, recipe: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in recipe.rglob("*")}
    create_dataset(small_an4, recipe, source=recipe / "absent")
    assert {p: p.stat().st_mtime_ns for p in recipe.rglob("*")} == before


def test_recording_that_got_lost(small_an4: ModuleType, recipe: Path) -> None:
    for folder in ("downloads/an4", "data"):
        for path in (recipe / folder).rglob("an0-mbob-b.*"):
            path.unlink()
    for path in sorted((recipe / "data").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (recipe / "data").rmdir()
    with pytest.raises(FileNotFoundError, match="an4 lacks .* an0-mbob-b; remove the"):
        create_dataset(small_an4, recipe)
    assert not (recipe / "data" / "an4").exists()


@given(speakers=eighty_four)
def test_folds_of_any_speakers_are_disjoint_and_of_one_size(
    an4: ModuleType, speakers: set[str]
) -> None:
    splits = submodule(an4, "splits")
    folds = [splits.fold_splits(speakers, fold) for fold in range(1, 8)]
    assert_disjoint([fold["test"] for fold in folds], speakers)
    women = [len([n for n in fold["test"] if n[0] == "f"]) for fold in folds]
    assert max(women) - min(women) <= 1
    for fold in folds:
        assert_disjoint(list(fold.values()), speakers)
        assert {split: len(names) for split, names in fold.items()} == {
            "train": 64,
            "valid": 8,
            "test": 12,
        }


@given(speakers=eighty_four)
def test_folds_do_not_depend_on_the_order_of_the_speakers(
    an4: ModuleType, speakers: set[str]
) -> None:
    fold_splits = submodule(an4, "splits").fold_splits
    assert fold_splits(sorted(speakers), 3) == fold_splits(
        sorted(speakers, reverse=True), 3
    )


@pytest.mark.parametrize("fold", [0, 8, -1, True, "1", 1.5])
def test_unknown_fold(an4: ModuleType, fold: object) -> None:
    with pytest.raises(ValueError, match=r"fold: must be null or .* from 1 to 7, got"):
        an4.Dataset("train", fold)


def test_unknown_split(an4: ModuleType) -> None:
    with pytest.raises(ValueError, match="'dev': choose one of train, valid, test$"):
        an4.Dataset("dev", 2)


def test_data_not_built(an4: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="fold_2/train.tsv.*create_dataset"):
        an4.Dataset("train", 2, recipe_dir=tmp_path)


def minutes(manifest: Path) -> float:
    """Return how long the recordings of a manifest are."""
    seconds = 0.0
    for line in manifest.read_text().splitlines():
        with wave.open(str(manifest.parent / line.split("\t")[1])) as wav:
            seconds += wav.getnframes() / wav.getframerate()
    return seconds / 60


@pytest.mark.long
def test_real_data(an4: ModuleType, tmp_path: Path) -> None:
    source = Path(os.environ.get("AN4") or SHARED)
    if not source.exists():
        pytest.skip(f"neither the variable AN4 nor {SHARED} names the data set")
    create_dataset(an4, tmp_path, source=source)
    data = tmp_path / "data" / "an4"
    assert speakers_of(data / "valid.tsv") == OWN_VALID
    assert digest_of(data) == REAL_DIGEST
    documented = (ROOT / "egs/an4/esp2_asr/DATA.md").read_text()
    for manifest in data.glob("*.tsv"):
        lines = manifest.read_text().splitlines()
        words = sum(len(line.split("\t")[2].split()) for line in lines)
        row = (
            f"| {manifest.stem} | {len(speakers_of(manifest))} | {len(lines)} "
            f"| {words} | {minutes(manifest):.1f} |"
        )
        assert row in documented
