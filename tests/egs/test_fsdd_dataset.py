"""The connected digits of egs/fsdd: what they are made of, the same everywhere."""

import hashlib
import os
import wave
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.egs.fsdd import RECIPE, SPEAKERS, samples_of
from tests.egs.recipe import Interruption, create_dataset, read_files, submodule

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared/data/free-spoken-digit-dataset-master.tar.gz"
WORDS = "ZERO ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE".split()
INDICES = {"train": [2, 3], "valid": [1], "test": [0], "long": [0]}

# SHA-256 over the manifest of a split and its wav files in order of the manifest.
SMALL_DIGESTS = {
    "fsdd": {
        "long": "887b9592c073e2c885819ac393410daa435c2b6fbaaa26bc812ed63289631d43",
        "test": "b7d3b7b5dec3f0d85813134516a7fd0771820e67b6851a04cd678fd0d31f5308",
        "train": "e96296e8672c673f369e7df5d32418f2c65abb89c89866e267003eb11fc05d0b",
        "valid": "7d6ab07c05efc2614dd23c30293a93574aeada2de30f25684bfd804056b8249a",
    },
    "fsdd_without_bob": {
        "long": "853f091bffcaf66dc8af8ce85fabdb36d4e07f4cf50f6624d6ee1560daabc0d3",
        "test": "8bfb1be4f3d380607b1c6c7a7813b7f44e2e0186e8d3cd79f6297410f3fada93",
        "train": "4aa736d268a24984d27f71cd6541c208d2ac80ef36ba724160035efeddb5fa25",
        "unseen": "3c7bac4e220205fb80acbc4e8348083b566a8c23fab494afa1863a5300c3e542",
        "valid": "98f45c817ef4a206e788d8377638a6d2eda03d81a001e4e25003c45ab6a81f51",
    },
}
REAL_DIGESTS = {
    "fsdd": {
        "long": "abde732f6f0a4278b524e35107692ae5212f0567c07e8c8b8f33089b082be3c7",
        "test": "3042873afc1c52c0de8498c6e254bd7eb0805bea5977274f80d32681ead0cdd3",
        "train": "bfef7e5f81b933ca39d4ce35aaf43993e478e2cd3cd0e5c56aae408b9ba3ce59",
        "valid": "400103a5a83c83dd6aec409b27180c28f055e4d649e183f706d6d46075390a0e",
    },
    "fsdd_without_theo": {
        "long": "9692ea1adea843c823bf33ecf7a9f35a143b7dd54381b99c3918c8a004b9737f",
        "test": "1129519a98a61373d4d56a714363c000c359560f84b234c5440c8dcae42e85ad",
        "train": "f541471add0a31cb13f28eb6d426caae04cb5b0ee2cb224066ccb339dd072783",
        "unseen": "4876b2588e33517331791eeb1c4db7bb10e35e334482d86a58b5e8d01a3bf1c1",
        "valid": "53aab94fad9b67162978ccec41a34fa646107628c1909fb1d8a39e1af53fddf2",
    },
}


@pytest.fixture()
def recipe(small_fsdd: ModuleType, archive: Path, tmp_path: Path) -> Path:
    """Return a folder in which the small data set is built, also without bob."""
    for held_out in (None, "bob"):
        create_dataset(small_fsdd, tmp_path, source=archive, held_out=held_out)
    return tmp_path


def digests_of(data: Path) -> dict[str, str]:
    """Return one digest for each split of a data folder."""
    digests = {}
    for manifest in sorted(data.glob("*.tsv")):
        digest = hashlib.sha256(manifest.read_bytes())
        for line in manifest.read_text().splitlines():
            digest.update((data / line.split("\t")[1]).read_bytes())
        digests[manifest.stem] = digest.hexdigest()
    return digests


def read_manifest(manifest: Path) -> list[tuple[str, bytes, str]]:
    """Return id, samples and text of each utterance."""
    rows = []
    for line in manifest.read_text().splitlines():
        utt_id, wav, text = line.split("\t")
        with wave.open(str(manifest.parent / wav), "rb") as file:
            rows.append((utt_id, file.readframes(file.getnframes()), text))
    return rows


def find_recordings(speech: bytes, speaker: str, text: str) -> list[tuple[str, int]]:
    """Return names and first samples of the recordings that an utterance holds."""
    found = []
    position = 0
    for word in text.split():
        places = {}
        for index in range(4):
            name = f"{WORDS.index(word)}_{speaker}_{index}"
            place = speech.find(samples_of(name).tobytes(), position)
            if place >= 0:
                places[name] = place
        name = min(places, key=lambda name: places[name])
        found.append((name, places[name] // 2))
        position = places[name] + 2 * len(samples_of(name))
    return found


def pauses_of(speech: bytes, found: list[tuple[str, int]]) -> Iterator[np.ndarray]:
    """Yield what stands before, between and after the recordings."""
    samples = np.frombuffer(speech, "<i2")
    end = 0
    for name, start in found:
        yield samples[end:start]
        end = start + len(samples_of(name))
    yield samples[end:]


@pytest.mark.parametrize("split", INDICES)
def test_utterance_is_recordings_of_one_speaker_and_split(
    recipe: Path, split: str
) -> None:
    for utt_id, speech, text in read_manifest(recipe / f"data/fsdd/{split}.tsv"):
        speaker = utt_id.split("_")[0]
        found = find_recordings(speech, speaker, text)
        indices = {int(name.split("_")[2]) for name, _ in found}
        assert len(found) == len(text.split())
        assert indices <= set(INDICES[split])


@pytest.mark.parametrize("split", INDICES)
def test_recordings_of_a_speaker_are_used_equally_often(
    recipe: Path, split: str
) -> None:
    uses: Counter[str] = Counter()
    for utt_id, speech, text in read_manifest(recipe / f"data/fsdd/{split}.tsv"):
        found = find_recordings(speech, utt_id.split("_")[0], text)
        uses.update(name for name, _ in found)
    assert len(uses) == len(SPEAKERS) * 10 * len(INDICES[split])
    for speaker in SPEAKERS:
        counts = {uses[name] for name in uses if speaker in name}
        assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("split", INDICES)
def test_bounds_of_words_are_those_of_their_recordings(
    small_fsdd: ModuleType, recipe: Path, split: str
) -> None:
    (plan,) = [
        plan
        for plan in submodule(small_fsdd, "plan").make_plans(None)
        if plan.name == split
    ]
    layout = submodule(small_fsdd, "layout")
    laid_out = list(layout.lay_out_split(plan, recipe / "downloads" / "recordings"))
    rows = read_manifest(recipe / f"data/fsdd/{split}.tsv")
    assert [each.utt_id for each in laid_out] == [utt_id for utt_id, _, _ in rows]
    for each, (utt_id, speech, text) in zip(laid_out, rows):
        found = find_recordings(speech, utt_id.split("_")[0], text)
        bounds = [(start, start + len(samples_of(name))) for name, start in found]
        assert each.word_bounds == bounds


def test_lengths_of_pauses(recipe: Path) -> None:
    inner = []
    for utt_id, speech, text in read_manifest(recipe / "data/fsdd/long.tsv"):
        found = find_recordings(speech, utt_id.split("_")[0], text)
        first, *between, last = (len(p) / 8 for p in pauses_of(speech, found))
        assert 100 <= first <= 400
        assert 100 <= last <= 400
        inner += between
    assert all(20 <= pause <= 160 or 200 <= pause <= 600 for pause in inner)
    assert len(set(inner)) > 50
    assert 0.05 < np.mean([pause >= 200 for pause in inner]) < 0.3


def test_pauses_are_the_quiet_parts_of_the_recordings(recipe: Path) -> None:
    for utt_id, speech, text in read_manifest(recipe / "data/fsdd/test.tsv"):
        speaker = utt_id.split("_")[0]
        quiet = [samples_of(f"{d}_{speaker}_0")[:160].tobytes() for d in range(10)]
        for pause in pauses_of(speech, find_recordings(speech, speaker, text)):
            whole = len(pause) // 160 * 160
            pieces = {piece.tobytes() for piece in pause[:whole].reshape(-1, 160)}
            assert pieces <= set(quiet)
            assert any(part.startswith(pause[whole:].tobytes()) for part in quiet)


@pytest.mark.parametrize("offset", [0, -250])
def test_quiet_piece_is_the_one_that_varies_least(
    fsdd: ModuleType, offset: int
) -> None:
    loud = np.random.RandomState(0).randint(-200, 200, (20, 10 * 160)) + offset
    quietest = []
    for row, recording in enumerate(loud):
        place = 160 * (row % 10)
        recording[place : place + 160] //= 2 + row
        quietest.append(recording[place : place + 160])
    recordings = [recording.astype(np.int16) for recording in loud]
    pieces = submodule(fsdd, "audio").quiet_pieces(recordings)
    by_deviation = sorted(quietest, key=lambda piece: float(piece.std()))
    np.testing.assert_array_equal(pieces, by_deviation[:2])


def test_speech_is_float_of_the_wav_file(small_fsdd: ModuleType, recipe: Path) -> None:
    dataset = small_fsdd.Dataset("test", recipe_dir=recipe)
    rows = read_manifest(recipe / "data/fsdd/test.tsv")
    assert len(dataset) == len(rows) == 12
    for index, (_, speech, text) in enumerate(rows):
        utterance = dataset[index]
        assert utterance["speech"].dtype == np.float32
        assert (utterance["speech"] * 2**15).astype("<i2").tobytes() == speech
        assert utterance["text"] == text


def test_ids_show_speaker_and_number(recipe: Path) -> None:
    ids = [row[0] for row in read_manifest(recipe / "data/fsdd/long.tsv")]
    assert ids == ["ann_long_0000", "bob_long_0001", "cat_long_0002"]


@pytest.mark.parametrize(
    "split, bounds", [("train", (3, 7)), ("unseen", (3, 7)), ("long", (20, 60))]
)
def test_digits_of_a_string(recipe: Path, split: str, bounds: tuple[int, int]) -> None:
    rows = read_manifest(recipe / f"data/fsdd_without_bob/{split}.tsv")
    counts = [len(text.split()) for _, _, text in rows]
    assert bounds[0] <= min(counts) < max(counts) <= bounds[1]


def test_wav_files_are_16_bit_mono_after_44_bytes(recipe: Path) -> None:
    for wav in (recipe / "data").rglob("*.wav"):
        info = soundfile.info(wav)
        assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16")
        assert wav.stat().st_size == 44 + 2 * info.frames


def test_held_out_speaker_is_in_the_unseen_split_only(recipe: Path) -> None:
    data = recipe / "data/fsdd_without_bob"
    speakers = {
        manifest.stem: {row[0].split("_")[0] for row in read_manifest(manifest)}
        for manifest in data.glob("*.tsv")
    }
    others = {"ann", "cat"}
    assert speakers == {split: others for split in INDICES} | {"unseen": {"bob"}}


def test_data_is_the_same_to_the_byte(recipe: Path) -> None:
    assert {
        name: digests_of(recipe / "data" / name)
        for name in ("fsdd", "fsdd_without_bob")
    } == SMALL_DIGESTS


def test_statistics_count_what_the_files_hold(fsdd: ModuleType, recipe: Path) -> None:
    lines = submodule(fsdd, "statistics").describe(recipe, "bob")
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    table = {row[0]: dict(zip(cells[5], row)) for row in cells[7:]}
    assert list(table) == [*INDICES, "unseen"]
    for split, row in table.items():
        rows = read_manifest(recipe / f"data/fsdd_without_bob/{split}.tsv")
        found = [find_recordings(s, i.split("_")[0], text) for i, s, text in rows]
        names = [name for string in found for name, _ in string]
        added = sum(len(p) for r, f in zip(rows, found) for p in pauses_of(r[1], f))
        assert row["strings"] == str(len(rows))
        assert row["recordings"] == str(len(set(names)))
        assert row["digits"] == str(len(names))
        share = 100 * added / sum(len(speech) // 2 for _, speech, _ in rows)
        assert row["pauses, %"] == f"{share:.0f}"


@pytest.fixture()
def real_archive() -> Path:
    """Return the archive of the data set."""
    archive = Path(os.environ.get("FSDD") or SHARED)
    if not archive.exists():
        pytest.skip(f"neither the variable FSDD nor {SHARED} names the data set")
    return archive


@pytest.mark.long
def test_real_data(fsdd: ModuleType, real_archive: Path, tmp_path: Path) -> None:
    for held_out in (None, "theo"):
        create_dataset(fsdd, tmp_path, source=real_archive, held_out=held_out)
    assert {
        name: digests_of(tmp_path / "data" / name)
        for name in ("fsdd", "fsdd_without_theo")
    } == REAL_DIGESTS
    documented = (RECIPE / "DATA.md").read_text()
    describe = submodule(fsdd, "statistics").describe
    for held_out in (None, "theo"):
        for table in "\n".join(describe(tmp_path, held_out)).split("\n\n"):
            assert f"\n{table}\n" in documented


def test_real_splits_share_no_recording(fsdd: ModuleType) -> None:
    plans = submodule(fsdd, "plan").make_plans("theo")
    used = {
        plan.name: {r for name in plan.speakers for r in plan.recordings_of(name)}
        for plan in plans
    }
    assert used["long"] == used["test"]
    del used["long"]
    assert sum(map(len, used.values())) == len(set().union(*used.values())) == 3000


@given(
    speakers=st.integers(1, 6),
    num_indices=st.integers(1, 5),
    strings=st.integers(1, 60),
    digits=st.tuples(st.integers(1, 9), st.integers(0, 9)),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_deal_is_fair(
    fsdd: ModuleType,
    speakers: int,
    num_indices: int,
    strings: int,
    digits: tuple[int, int],
    seed: int,
) -> None:
    names = [f"speaker{number}" for number in range(speakers)]
    bounds = digits[0], sum(digits)
    plan = submodule(fsdd, "plan").Plan(
        "some", names, [7, 6 + num_indices], strings, bounds, seed
    )
    numbers = submodule(fsdd, "random_numbers").random_numbers(seed)
    dealt = submodule(fsdd, "strings").deal_strings(plan, numbers)
    assert len(dealt) == strings
    for number, string in enumerate(dealt):
        assert bounds[0] <= len(string) <= bounds[1]
        assert {recording.speaker for recording in string} == {names[number % speakers]}
    for name in names:
        cards = plan.recordings_of(name)
        assert len(set(cards)) == 10 * num_indices
        uses = Counter(r for string in dealt for r in string if r.speaker == name)
        assert set(uses) <= set(cards)
        counts = [uses[card] for card in cards]
        assert max(counts) - min(counts) <= 1


def test_rebuild_is_byte_identical(
    small_fsdd: ModuleType, recipe: Path, unpacked: Path, tmp_path: Path
) -> None:
    create_dataset(small_fsdd, tmp_path / "again", source=unpacked)
    again = read_files(tmp_path / "again" / "data" / "fsdd")
    assert again == read_files(recipe / "data" / "fsdd")


def test_ready_data_is_left_alone(small_fsdd: ModuleType, recipe: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in recipe.rglob("*")}
    create_dataset(small_fsdd, recipe)
    assert {p: p.stat().st_mtime_ns for p in recipe.rglob("*")} == before


@pytest.mark.parametrize("calls", [0, 30])
def test_resumes_after_interrupted_build(
    small_fsdd: ModuleType,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    calls: int,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(wave, "open", Interruption(wave.open, calls))
        with pytest.raises(KeyboardInterrupt):
            create_dataset(small_fsdd, tmp_path, source=archive)
    assert not small_fsdd.DatasetBuilder().is_built(recipe_dir=tmp_path)
    assert list((tmp_path / "data").iterdir()) == []
    create_dataset(small_fsdd, tmp_path, source=archive)
    assert len(small_fsdd.Dataset("train", recipe_dir=tmp_path)) == 24


def test_resumes_after_a_killed_process(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    leftovers = [
        tmp_path / "downloads" / "recordings.partial" / "half.wav",
        tmp_path / "data" / "fsdd.partial" / "wav" / "half.wav",
    ]
    for leftover in leftovers:
        leftover.parent.mkdir(parents=True)
        leftover.write_bytes(b"RIFF")
    create_dataset(small_fsdd, tmp_path, source=archive)
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(tmp_path.rglob("half.*"))


def test_unknown_split(fsdd: ModuleType) -> None:
    with pytest.raises(ValueError, match="'unseen': choose one of .*, test, long$"):
        fsdd.Dataset("unseen")
    with pytest.raises(ValueError, match="'dev': choose one of .*, long, unseen$"):
        fsdd.Dataset("dev", held_out="theo")


def test_unknown_speaker(fsdd: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="held_out: .*'thea': .*theo, yweweler"):
        fsdd.Dataset("train", held_out="thea")
    with pytest.raises(ValueError, match="held_out: .*'thea': .*theo, yweweler"):
        fsdd.DatasetBuilder().is_built(recipe_dir=tmp_path, held_out="thea")


def test_data_not_built(fsdd: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train.tsv.*create_dataset"):
        fsdd.Dataset("train", held_out="theo", recipe_dir=tmp_path)
