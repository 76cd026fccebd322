"""The command that prints words as they come."""

import io
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from espnet_residuals.cli import main
from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.instruments.failure import Exit
from espnet_residuals.streaming.live_audio import pipe_pieces
from espnet_residuals.streaming.transcribe import Line
from tests.streaming.models import save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("experiment")
    save_model(path)
    return path


@pytest.fixture
def samples() -> np.ndarray:
    return (torch.randn(12_000) / 4).clamp(-1, 1).mul(32_000).short().numpy()


def read_whole(folder: Path, samples: np.ndarray, **options: Any) -> str:
    decoder = Speech2TextStreaming.from_pretrained(str(folder), **options)
    ((text, _, _, _),) = decoder(samples.astype(np.float32) / 32768)
    assert text
    return str(text)


def test_file_is_printed_as_it_is_read_whole(
    folder: Path, samples: np.ndarray, tmp_path: Path, capsys: Any
) -> None:
    soundfile.write(tmp_path / "a.wav", samples, 8_000)
    assert main(["transcribe", str(folder), str(tmp_path / "a.wav")]) == 0
    assert capsys.readouterr().out == read_whole(folder, samples) + "\n"


def test_beam_prints_its_best_text(
    folder: Path, samples: np.ndarray, tmp_path: Path, capsys: Any
) -> None:
    soundfile.write(tmp_path / "a.wav", samples, 8_000)
    command = ["transcribe", str(folder), str(tmp_path / "a.wav"), "--beam", "4"]
    assert main(command) == 0
    assert capsys.readouterr().out == read_whole(folder, samples, beam_size=4) + "\n"


def test_raw_samples_of_a_pipe_are_read(
    folder: Path, samples: np.ndarray, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(samples.astype("<i2").tobytes()))
    monkeypatch.setattr(sys, "stdin", pipe)
    assert main(["transcribe", str(folder), "-"]) == 0
    assert capsys.readouterr().out == read_whole(folder, samples) + "\n"


def test_pipe_may_cut_samples_in_halves() -> None:
    class Slow(io.BytesIO):
        def read1(self, size: Any = -1) -> bytes:
            return self.read(3)

    whole = np.arange(-50, 50, dtype="<i2")
    pieces = list(pipe_pieces(Slow(whole.tobytes()), 8_000))
    assert len(pieces) > 30
    assert np.array_equal(np.concatenate(pieces) * 32_768, whole)


def test_pipe_hands_on_what_is_there_at_most_a_tenth_of_a_second() -> None:
    pieces = list(pipe_pieces(io.BytesIO(bytes(2 * 2_000)), 8_000))
    assert [len(piece) for piece in pieces] == [800, 800, 400]


def test_ctrl_c_ends_a_pipe_and_prints_the_last_words(
    folder: Path, samples: np.ndarray, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(io.BytesIO):
        def read1(self, size: Any = -1) -> bytes:
            data = super().read1(size)
            if not data:
                raise KeyboardInterrupt
            return data

    raw = samples.astype("<i2").tobytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Interrupted(raw)))
    assert main(["transcribe", str(folder), "-"]) == 0
    assert capsys.readouterr().out == read_whole(folder, samples) + "\n"


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_pause_must_be_some_time(seconds: str, capsys: Any) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["transcribe", "folder", "a.wav", "--pause", seconds])
    assert f"must be a number > 0, got {seconds!r}" in capsys.readouterr().err


def test_pause_begins_a_new_line(folder: Path, tmp_path: Path, capsys: Any) -> None:
    samples = np.random.default_rng(0).standard_normal(8_000) / 4
    soundfile.write(tmp_path / "a.wav", samples, 8_000)
    command = ["transcribe", str(folder), str(tmp_path / "a.wav")]
    assert main([*command, "--pause", "0.0001"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert main(command) == 0
    assert "".join(lines) == capsys.readouterr().out.rstrip("\n")
    assert len(lines) > 2


def test_line_prints_only_what_is_new(capsys: Any) -> None:
    line, shown = Line(), []
    for text in ("", "ON", "ONE", "ONE T"):
        line.extend(text)
        shown.append(capsys.readouterr().out)
    line.end("ONE TWO")
    line.extend("THR")
    assert [*shown, capsys.readouterr().out] == ["", "ON", "E", " T", "WO\nTHR"]


@pytest.mark.parametrize(
    "arguments, code, reason",
    [
        (["{folder}", "missing.wav"], Exit.FILE, "cannot read missing.wav"),
        (["{folder}", "rate.wav"], Exit.USAGE, "44100 samples.* expects 8000"),
        (["{folder}", "short.wav"], Exit.USAGE, "nothing can be read: .* 10 samples"),
        (["{folder}", "short.wav", "--beam", "0"], Exit.MODEL, "beam_size: must be"),
        (["{folder}", "short.wav", "--weights", "no"], Exit.MODEL, "no file .*/no"),
        (["/no/where", "short.wav"], Exit.MODEL, "no such file or folder; as a"),
        (["empty", "short.wav"], Exit.MODEL, "neither config.yaml nor meta.yaml"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    arguments: list[str],
    code: Exit,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    soundfile.write("rate.wav", np.zeros(10), 44_100)
    soundfile.write("short.wav", np.zeros(10), 8_000)
    words = [word.format(folder=folder) for word in arguments]
    assert main(["transcribe", *words]) == code
    error = capsys.readouterr().err
    assert error.startswith("espnet-residuals: ") and error.count("\n") == 1
    assert re.search(reason, error)


def test_help_does_not_load_torch() -> None:
    code = (
        "import sys\nfrom espnet_residuals.cli import main\n"
        "try:\n    main(['transcribe', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
