"""The recipes train on no audio but that of the rate and the length they expect."""

import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.egs.recipe import create_dataset, loaded_dataset, submodule

EGS = Path(__file__).parents[2] / "egs"
RATES = {"fsdd": 8000, "mini_an4": 16000, "an4": 16000}

Spoil = Callable[[Path, int], object]


@pytest.fixture(params=RATES)
def corpus(request: pytest.FixtureRequest) -> str:
    """Name a recipe."""
    name: str = request.param
    return name


@pytest.fixture()
def dataset(corpus: str) -> Iterator[ModuleType]:
    """Load the recipe's dataset folder."""
    with loaded_dataset(EGS / corpus / "esp2_asr") as module:
        yield module


def write(
    path: Path, rate: int, samples: int, channels: int = 1, bits: int = 16
) -> None:
    """Write a WAV file of zeros."""
    with wave.open(str(path), "wb") as wav:
        wav.setparams((channels, bits // 8, rate, 0, "NONE", ""))
        wav.writeframes(bytes(samples * channels * bits // 8))


def cut(path: Path, rate: int, to: int | None = None) -> None:
    """Write a second of audio, then cut the file."""
    write(path, rate, rate)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if to is None else to])


SPOILT: dict[str, tuple[Spoil, str]] = {
    "rate": (
        lambda path, rate: write(path, 3 * rate, 3 * rate),
        "sampling rate in Hz: found {3rate}, must be {rate}",
    ),
    "one sample": (
        lambda path, rate: write(path, rate, 1),
        "is too short: 1 samples, of which there must be {rate/20} (50 ms)",
    ),
    "no sample": (
        lambda path, rate: write(path, rate, 0),
        "is too short: 0 samples, of which there must be {rate/20} (50 ms)",
    ),
    "half": (cut, "samples that the header promises: found {half}, must be {rate}"),
    "stereo": (
        lambda path, rate: write(path, rate, rate, channels=2),
        "channels: found 2, must be 1",
    ),
    "24 bits": (
        lambda path, rate: write(path, rate, rate, bits=24),
        "bits: found 24, must be 16",
    ),
    "header": (lambda path, rate: cut(path, rate, 20), "is no whole 16-bit WAV file"),
    "no byte": (lambda path, rate: cut(path, rate, 0), "is no whole 16-bit WAV file"),
    "no WAV": (
        lambda path, rate: path.write_text("fLaC") and None,
        "is no whole 16-bit WAV file",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_recording_is_refused_with_its_path_and_what_is_allowed(
    corpus: str, dataset: ModuleType, tmp_path: Path, name: str
) -> None:
    rate = RATES[corpus]
    data = tmp_path / "data" / corpus
    data.mkdir(parents=True)
    data.joinpath("train.tsv").write_text("id\tspoilt.wav\tONE\n")
    spoil, said = SPOILT[name]
    spoil(data / "spoilt.wav", rate)
    numbers = {"3rate": 3 * rate, "rate": rate, "rate/20": rate // 20}
    numbers["half"] = rate // 2 - 11  # half of the 44 bytes of the header are in it
    for key, number in numbers.items():
        said = said.replace(f"{{{key}}}", str(number))
    with pytest.raises(ValueError, match=re.escape(said)) as raised:
        dataset.Dataset("train", recipe_dir=tmp_path)[0]
    assert str(data / "spoilt.wav") in str(raised.value)


def test_allowed_audio_is_read(
    corpus: str, dataset: ModuleType, tmp_path: Path
) -> None:
    data = tmp_path / "data" / corpus
    data.mkdir(parents=True)
    data.joinpath("train.tsv").write_text("id\tshort.wav\tONE\n")
    shortest = RATES[corpus] // 20
    write(data / "short.wav", RATES[corpus], shortest)
    speech = dataset.Dataset("train", recipe_dir=tmp_path)[0]["speech"]
    assert speech.dtype == np.float32 and len(speech) == shortest


def test_digits_are_not_made_of_recordings_of_another_rate(
    small_fsdd: ModuleType, archive: Path, tmp_path: Path
) -> None:
    create_dataset(small_fsdd, tmp_path, source=archive, held_out="bob")
    spoilt = tmp_path / "downloads" / "recordings" / "3_ann_2.wav"
    write(spoilt, 48000, 4800)
    said = f"{spoilt}: sampling rate in Hz: found 48000, must be 8000"
    with pytest.raises(ValueError, match=re.escape(said)):
        create_dataset(small_fsdd, tmp_path)
    assert not (tmp_path / "data" / "fsdd").exists()


def test_mini_an4_is_not_made_of_recordings_of_another_rate(tmp_path: Path) -> None:
    with loaded_dataset(EGS / "mini_an4" / "esp2_asr") as mini_an4:
        submodule(mini_an4, "config").CONFIG.sample_rate = 8000
        with pytest.raises(ValueError, match=r"\.sph.*found 16000, must be 8000"):
            create_dataset(mini_an4, tmp_path)
    assert not (tmp_path / "data" / "mini_an4").exists()
