"""The command that decodes as ESPnet2's, with its options and files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from espnet2.bin.asr_inference_streaming import get_parser as get_espnet_parser

from espnet_residuals import ConfigError
from espnet_residuals.bin.asr_inference_streaming import get_parser, main
from espnet_residuals.inference import Speech2TextStreaming
from tests.streaming.models import save_model

LENGTHS = {"a": 4_000, "b": 5_500, "short": 20}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    save_model(folder)
    lines = []
    for seed, (key, length) in enumerate(LENGTHS.items()):
        samples = np.random.default_rng(seed).standard_normal(length) / 4
        soundfile.write(folder / f"{key}.wav", samples, 8_000)
        lines.append(f"{key} {folder / key}.wav\n")
    (folder / "wav.scp").write_text("".join(lines))
    return folder


def decode(data: Path, output: Path, *options: object) -> dict[str, dict[str, str]]:
    """Run the command; return what it wrote, by file and key."""
    main(
        [
            *("--asr_train_config", str(data / "config.yaml")),
            *("--asr_model_file", str(data / "valid.loss.ave.pth")),
            *("--data_path_and_name_and_type", f"{data / 'wav.scp'},speech,sound"),
            *("--output_dir", str(output)),
            *("--num_workers", "0"),
            *map(str, options),
        ]
    )
    written = {}
    for path in sorted(output.glob("*/*")):
        pairs = (line.split(" ", 1) for line in path.read_text().splitlines())
        name = path.relative_to(output)
        written[str(name)] = {key: value for key, value in pairs}
    return written


@pytest.mark.parametrize("chunk", [0, 700, 100_000])
def test_files_are_espnets_and_hold_the_text_of_the_whole(
    data: Path, tmp_path: Path, chunk: int
) -> None:
    written = decode(data, tmp_path, "--sim_chunk_length", chunk)
    files = ("score", "text", "token", "token_int")
    assert list(written) == [f"1best_recog/{name}" for name in files]
    decoder = Speech2TextStreaming.from_pretrained(str(data))
    for key in ("a", "b"):
        samples, _ = soundfile.read(data / f"{key}.wav", dtype="float32")
        ((text, tokens, token_ids, hypothesis),) = decoder(samples)
        best = {name: written[f"1best_recog/{name}"][key] for name in files}
        assert best["text"] == text
        assert best["token"] == " ".join(tokens)
        assert best["token_int"] == " ".join(map(str, token_ids))
        assert float(best["score"]) == pytest.approx(hypothesis.score, rel=1e-4)


def test_recording_too_short_has_an_empty_text(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert decode(data, tmp_path)["1best_recog/text"]["short"] == ""
    assert "short: the recording has 20 samples" in caplog.text


def test_beam_writes_the_best_few(data: Path, tmp_path: Path) -> None:
    written = decode(data, tmp_path, "--beam_size", 3, "--nbest", 2)
    scores = [written[f"{n}best_recog/score"] for n in (1, 2)]
    assert float(scores[0]["a"]) > float(scores[1]["a"])


def test_options_are_espnets() -> None:
    def options(parser: Any) -> set[str]:
        return {name for action in parser._actions for name in action.option_strings}

    assert options(get_parser()) == options(get_espnet_parser())


@pytest.mark.parametrize(
    "options, message",
    [
        (["--ngpu", 2], "ngpu: must be 0 or 1, got 2"),
        (["--batch_size", 2], "batch_size: must be 1, got 2"),
        (["--word_lm_file", "lm.pth"], "word_lm_train_config"),
        (["--sim_chunk_length", -1], "sim_chunk_length: must be >= 0, got -1"),
    ],
)
def test_option_that_is_not_supported_is_refused(
    data: Path, tmp_path: Path, options: list[object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        decode(data, tmp_path, *options)
