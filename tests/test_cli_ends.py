"""The command ends with one line, whatever its output, machine and files are."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from espnet_residuals import S4Encoder
from espnet_residuals.cli import main
from tests.instruments.recipe import MODEL, write_recipe

COMMAND = [sys.executable, "-m", "espnet_residuals"]


def refusal(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == code
    line: str = capsys.readouterr().err
    assert line.startswith("espnet-residuals: ") and line.count("\n") == 1
    return line


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_list_prints_in_every_encoding(encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, "list"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert ("β" if encoding == "utf-8" else "\\u03b2") in done.stdout.decode(encoding)


@pytest.mark.long
@pytest.mark.parametrize("redirection", [">&-", "> /dev/full"])
def test_output_that_cannot_be_written_is_told(redirection: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m espnet_residuals list {redirection}', sys.executable],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("espnet-residuals: cannot write the output: ")
    assert done.stderr.count("\n") == 1


def test_interrupted_command_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(
        "espnet_residuals.instruments.showing.catalogue.catalogue", interrupt
    )
    # dask_jobqueue, which ESPnet3 imports, ends the process with 0.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert refusal(capsys, 130, "list") == "espnet-residuals: interrupted\n"
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("option", ["--frames", "--batch", "--input-size"])
def test_features_beyond_memory_are_told(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = write_recipe(tmp_path)
    line = refusal(capsys, 2, "probe", config, option, 2**31 - 1, "--layers", 1)
    assert "need" in line and "iB" in line


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "1" * 5000, "x"])
def test_sizes_that_no_machine_has_are_refused(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["show", "decay", "--layers", number])
    assert "must be an integer from 1 to 2147483647" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["2026-02-30", "1" * 5000, "[" * 500])
def test_values_that_are_no_yaml_are_told(
    value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(capsys, 2, "show", "decay", "--power", value)
    assert "--power" in line and "is no YAML value" in line and len(line) < 200


@pytest.mark.parametrize("make", ["link", "folder"])
def test_what_is_named_like_an_event_file_and_is_none_is_left_out(
    make: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "events.out.tfevents.1"
    if make == "link":
        path.symlink_to(tmp_path / "gone")
    else:
        path.mkdir()
    assert "no event files" in refusal(capsys, 9, "history", tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_checkpoint_of_a_training_that_failed_is_refused(
    value: float, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config, path = write_recipe(tmp_path), tmp_path / "weights.pth"
    weights = S4Encoder(20, **MODEL["encoder_conf"]).state_dict()
    name = next(name for name in weights if name.endswith("weight"))
    weights[name].view(-1)[0] = value
    torch.save(weights, path)
    line = refusal(capsys, 8, "probe", config, "--checkpoint", path)
    assert (
        f"holds NaN or infinity in 1 of the encoder's tensors, such as {name}" in line
    )


def test_recording_with_nan_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config, path = write_recipe(tmp_path), tmp_path / "a.wav"
    samples = np.zeros(16000, dtype=np.float32)
    samples[5] = np.nan
    soundfile.write(path, samples, 16000, subtype="FLOAT")
    assert "no finite numbers" in refusal(capsys, 3, "probe", config, path)
