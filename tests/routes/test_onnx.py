"""onnxruntime runs the encoder, and in 8 bits, as docs/routes.md says."""

from pathlib import Path
from typing import Any

import pytest
import torch

from espnet_residuals import S4Encoder
from tests.routes.page import block

HEADINGS = ("Export to ONNX", "Quantised ONNX")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # what the exporter says about itself
def test_exported_and_quantised_encoder_stays_near_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    encoder = trained_encoder()
    exec(
        "".join(block(heading, "python") for heading in HEADINGS), {"encoder": encoder}
    )
    for n_utterances, length in ((1, 64), (2, 333), (5, 100)):
        x = torch.randn(n_utterances, length, 24)
        ilens = torch.linspace(length, length // 2, n_utterances).long()
        with torch.no_grad():
            expected, expected_lengths, _ = encoder(x, ilens)
        for file, bound in (("encoder.onnx", 1e-5), ("encoder.int8.onnx", 2e-2)):
            frames, lengths = run(file, x, ilens)
            assert lengths == expected_lengths.tolist()
            assert (frames - expected).norm() < bound * expected.norm(), file
    sizes = [
        (tmp_path / f).stat().st_size for f in ("encoder.onnx", "encoder.int8.onnx")
    ]
    assert sizes[1] < sizes[0]


def run(file: str, x: torch.Tensor, ilens: torch.Tensor) -> tuple[torch.Tensor, Any]:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file)
    feed = {"features": x.numpy(), "n_features": ilens.numpy()}
    frames, lengths = session.run(["frames", "n_frames"], feed)
    return torch.from_numpy(frames), lengths.tolist()


def trained_encoder() -> S4Encoder:
    """Return an encoder whose parameters are no longer those of the start."""
    torch.manual_seed(0)
    encoder = S4Encoder(24, output_size=32, num_blocks=1, residual="decay")
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        ys, _, _ = encoder(torch.randn(2, 100, 24), torch.tensor([100, 60]))
        (ys - 1).square().mean().backward()
        optimizer.step()
    return encoder.eval()
