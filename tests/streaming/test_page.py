"""What docs/streaming.md shows works as it stands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from espnet_residuals import cli
from espnet_residuals.bin import asr_inference_streaming
from espnet_residuals.inference import Speech2TextStreaming
from tests.environment import ROOT
from tests.streaming.models import MODEL, build_model, save_model, write_statistics

# What is behind the heading is run by test_onnx_example.py.
PAGE, _, _ = (
    (ROOT / "docs" / "streaming.md")
    .read_text(encoding="utf-8")
    .partition("## Without torch")
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def commands() -> list[list[str]]:
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("exp/streaming", "data"):
        Path(folder).mkdir(parents=True)
    save_model(Path("exp/streaming"))
    samples = np.random.default_rng(0).standard_normal(6_000) / 4
    soundfile.write("speech.wav", samples, 8_000)
    Path("data/wav.scp").write_text("key speech.wav\n")


@pytest.mark.usefixtures("experiment")
def test_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec("\n".join(blocks("python")), {})
    assert "a frame every 0.032 s" in capsys.readouterr().out


@pytest.mark.usefixtures("experiment")
def test_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    of_a_file, of_a_pipe, decode = commands()
    assert of_a_file[0] == "espnet-residuals" and cli.main(of_a_file[1:]) == 0
    assert capsys.readouterr().out.strip()
    assert of_a_pipe[of_a_pipe.index("|") + 1 :] == [*of_a_file[:-1], "-"]
    assert decode[:3] == ["python", "-m", asr_inference_streaming.__name__]
    asr_inference_streaming.main([*decode[3:], "--num_workers", "0"])
    assert Path("exp/streaming/decoded/1best_recog/text").read_text().startswith("key ")


def test_training_yaml_makes_a_model_that_streams(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    changes = yaml.safe_load(text)
    stats = write_statistics(tmp_path / "feats_stats.npz")
    changes["encoder_conf"] |= {"output_size": 16, "num_blocks": 1}
    model, args = build_model(**changes, normalize_conf={"stats_file": str(stats)})
    assert args.frontend_conf == MODEL["frontend_conf"]
    Speech2TextStreaming(asr_model=model, asr_train_args=args)
