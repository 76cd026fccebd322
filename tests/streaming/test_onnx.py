"""onnxruntime reads in an exported model what the model reads."""

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet_residuals.cli import main
from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.instruments.failure import Exit
from tests.environment import ROOT
from tests.streaming.fixed_chunks import LAYERS, encoder_conf, stream
from tests.streaming.models import build_model, save_model, write_statistics

EXAMPLE = ROOT / "egs" / "streaming_onnx"
PAGE = (ROOT / "docs" / "streaming.md").read_text(encoding="utf-8")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what the exporter says about itself
    pytest.mark.long,
]


@pytest.fixture(scope="module")
def live_onnx() -> Any:
    pytest.importorskip("onnxruntime")
    module = ModuleType("live_onnx")
    exec((EXAMPLE / "live_onnx.py").read_text(encoding="utf-8"), vars(module))
    return module


def export(model: Any, path: Path, chunk: Any = None) -> None:
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    from espnet_residuals.streaming.onnx.export import export_streaming

    export_streaming(model, path, chunk)


def frames(live_onnx: Any, loaded: Any, features: torch.Tensor) -> np.ndarray:
    session, meta = loaded
    names = [given.name for given in session.get_inputs()]
    state = [np.zeros(s["shape"], s["dtype"]) for s in meta["states"]]

    def call(*inputs: np.ndarray) -> Any:
        return session.run(None, dict(zip(names, inputs, strict=True)))

    return stream(call, state, features.numpy(), meta["chunk"], meta["flush"])


@torch.no_grad()
def whole(model: Any, features: torch.Tensor) -> np.ndarray:
    ys, _, _ = model.encoder(features[None], torch.tensor([len(features)]))
    expected: np.ndarray = model.ctc.log_softmax(ys)[0].numpy()
    return expected


@pytest.mark.parametrize("layer", LAYERS)
def test_frames_are_those_of_the_whole_recording(
    layer: str, tmp_path: Path, live_onnx: Any
) -> None:
    model, _ = build_model(encoder_conf=encoder_conf(layer, num_blocks=1))
    export(model, tmp_path / "model.onnx")
    loaded = live_onnx.load(str(tmp_path / "model.onnx"))

    @given(length=st.integers(7, 120))
    @settings(max_examples=20)
    def check(length: int) -> None:
        features = torch.randn(length, 20)
        np.testing.assert_allclose(
            frames(live_onnx, loaded, features),
            whole(model, features),
            rtol=1e-4,
            atol=1e-4,
        )

    check()


def test_frames_of_an_hour_are_those_of_the_whole_hour(
    tmp_path: Path, live_onnx: Any
) -> None:
    conf = encoder_conf("s4d", num_blocks=1, output_size=8, input_layer="conv2d")
    model, _ = build_model(encoder_conf=conf)
    export(model, tmp_path / "model.onnx", chunk=128)
    features = torch.randn(3600 * 100, 20)
    got = frames(live_onnx, live_onnx.load(str(tmp_path / "model.onnx")), features)
    np.testing.assert_allclose(got, whole(model, features), rtol=1e-4, atol=1e-3)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("experiment")
    stats = write_statistics(folder / "feats_stats.npz")
    save_model(
        folder,
        normalize="global_mvn",
        normalize_conf={"stats_file": str(stats)},
        encoder_conf=encoder_conf("all", num_blocks=1),
    )
    path = folder / "asr.onnx"
    assert main(["export-onnx", str(folder), str(path), "--chunk", "8"]) == 0
    return folder


def test_program_without_torch_reads_the_tokens_of_the_stream(
    experiment: Path, live_onnx: Any
) -> None:
    decoder = Speech2TextStreaming.from_pretrained(str(experiment))
    session, meta = live_onnx.load(str(experiment / "asr.onnx"))
    for length in (1_000, 6_001, 12_345):
        samples = (torch.randn(length) / 4).numpy()
        ((_, tokens, _, _),) = decoder(samples)
        features = live_onnx.read_features(np.array_split(samples, 9), meta)
        log_probs = live_onnx.read_log_probs(features, session, meta)
        assert list(live_onnx.read_tokens(log_probs, meta)) == tokens
        assert tokens or length == 1_000


def test_program_prints_what_transcribe_prints(
    experiment: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio = experiment / "speech.wav"
    soundfile.write(audio, (torch.randn(9_000) / 8).clamp(-1, 1).numpy(), 8_000)
    files = [str(experiment / "asr.onnx"), str(audio)]
    code = (
        f"import sys\nsys.path.insert(0, {str(EXAMPLE)!r})\nimport live_onnx\n"
        f"live_onnx.main(*{files})\nassert 'torch' not in sys.modules"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    capsys.readouterr()
    assert main(["transcribe", str(experiment), str(audio)]) == 0
    assert run.stdout == capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"center": False, "win_length": 100},
        {"hop_length": 50, "window": "hamming", "fmin": 80, "fmax": 3_000},
        {"normalized": True, "n_fft": 256, "n_mels": 30},
    ],
)
def test_features_are_those_of_the_default_frontend(
    options: dict[str, Any], live_onnx: Any
) -> None:
    from espnet_residuals.streaming.onnx.fixed_chunks import FixedChunks
    from espnet_residuals.streaming.onnx.metadata import metadata

    conf = {"n_fft": 128, "hop_length": 64, "n_mels": 20, "fs": 8000, **options}
    model, _ = build_model(frontend_conf=conf)
    meta = metadata(model, FixedChunks(model.encoder, model.ctc))
    for length in (257, 300, 1_000, 1_024, 1_025):
        samples = torch.randn(length)
        expected, _ = model._extract_feats(samples[None], torch.tensor([length]))
        pieces = np.array_split(samples.numpy(), 5)
        got = np.array(list(live_onnx.read_features(pieces, meta)))
        np.testing.assert_allclose(got, expected[0].numpy(), rtol=1e-4, atol=1e-4)


def test_int8_stays_near_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live_onnx: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    model, _ = build_model(encoder_conf=encoder_conf("all", num_blocks=1))
    model.ctc.ctc_lo.reset_parameters()  # Those of the tests amplify every error.
    export(model, Path("asr.onnx"))
    (code,) = re.findall(
        r"```python\n(.*?)```", PAGE.partition("## Without torch")[2], re.DOTALL
    )
    exec(code, {})
    features = torch.randn(400, 20)
    first, second = (
        frames(live_onnx, live_onnx.load(name), features)
        for name in ("asr.onnx", "asr.int8.onnx")
    )
    assert np.linalg.norm(first - second) < 0.2 * np.linalg.norm(first)


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["{folder}", "no/where.onnx"], Exit.FILE, "cannot write no/where.onnx"),
        (["{folder}", "a.onnx", "--chunk", "7"], Exit.MODEL, "chunk: must be a mult"),
        (["/no/where", "a.onnx"], Exit.MODEL, "neither config.yaml nor meta.yaml"),
    ],
)
def test_what_cannot_be_exported_is_said_in_one_line(
    experiment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: Exit,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.format(folder=experiment) for word in arguments]
    assert main(["export-onnx", *words]) == code
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("espnet-residuals: ") and message in error
