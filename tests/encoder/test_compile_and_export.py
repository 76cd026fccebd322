"""One graph for every length: compiled, exported, and run by onnxruntime."""

from pathlib import Path
from typing import Any, Callable

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.utils.tensorboard import SummaryWriter

from espnet_residuals import S4D, S4Encoder
from espnet_residuals.encoder import ResidualStack
from espnet_residuals.layers.convolution import ConvolutionModule
from espnet_residuals.ssm import Mamba2

FEATURES = 24  # none of the lengths, which torch would take for the same size
LENGTHS = (20, 63, 64, 65, 100, 128, 200, 333, 500, 1000)
DYNAMIC = torch.export.Dim.DYNAMIC
LAYERS = [{"_name_": "s4d", "bidirectional": True}, "ff"]


def batch(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(2, length, FEATURES), torch.tensor([length, length // 2])


def frames(output: Any) -> torch.Tensor:
    """Return the frames, of what a layer, a stack or an encoder returns."""
    first: torch.Tensor = output if isinstance(output, torch.Tensor) else output[0]
    return first


MODELS: dict[str, Any] = {
    "layer": lambda: S4D(FEATURES, bidirectional=True),
    "conv": lambda: ConvolutionModule(FEATURES),
    "conv, batch": lambda: ConvolutionModule(FEATURES, kernel=8, norm="batch"),
    "stack": lambda: ResidualStack(FEATURES, 2, LAYERS, "decay"),
    "encoder": lambda: S4Encoder(FEATURES, output_size=16, num_blocks=2),
    "mamba2": lambda: Mamba2(FEATURES, d_state=8, head_dim=16, bidirectional=True),
    "highway": lambda: ResidualStack(FEATURES, 2, LAYERS, "highway"),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    torch._dynamo.reset()
    built: nn.Module = MODELS[request.param]().eval()
    return built


@pytest.mark.long
def test_one_graph_serves_all_lengths(model: nn.Module) -> None:
    counter = CompileCounter()
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend=counter)
    for length in LENGTHS:
        x, lengths = batch(length)
        torch.testing.assert_close(
            frames(compiled(x, lengths)),
            frames(model(x, lengths)),
            rtol=1e-4,
            atol=1e-5,
        )
    assert counter.frame_count == 1


@pytest.mark.long
def test_exported_program_takes_any_length(model: nn.Module) -> None:
    with torch.no_grad():
        program = torch.export.export(
            model, batch(200), dynamic_shapes=({1: DYNAMIC}, None)
        ).module()
        for length in LENGTHS:
            x, lengths = batch(length)
            torch.testing.assert_close(
                frames(program(x, lengths)),
                frames(model(x, lengths)),
                rtol=1e-4,
                atol=1e-5,
            )


@pytest.mark.long
def test_inductor_computes_the_same_forward_and_backward() -> None:
    torch._dynamo.reset()
    model = ResidualStack(FEATURES, 1, LAYERS, "decay")
    compiled = torch.compile(model, fullgraph=True, dynamic=True)
    for length in (64, 100, 333):
        gradients = []
        x, lengths = batch(length)
        # Squares would not do: behind the last norm their sum hardly changes.
        weights = torch.randn_like(x)
        for run in (model, compiled):
            model.zero_grad()
            (run(x, lengths) * weights).sum().backward()
            gradients.append([p.grad.clone() for p in model.parameters()])
        for eager, fast in zip(*gradients):
            torch.testing.assert_close(fast, eager, rtol=1e-3, atol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("input_layer", ["conv2d", "linear"])
def test_onnxruntime_computes_what_a_trained_encoder_computes(
    input_layer: str, tmp_path: Path
) -> None:
    onnx, onnxruntime = (pytest.importorskip(name) for name in ("onnx", "onnxruntime"))
    pytest.importorskip("onnxscript")
    model = S4Encoder(
        FEATURES,
        output_size=16,
        num_blocks=2,
        residual="decay",
        input_layer=input_layer,
    )
    train_a_little(model)
    with torch.no_grad():
        program = torch.onnx.export(
            model,
            batch(200),
            dynamo=True,
            dynamic_shapes=({1: DYNAMIC}, None),
            input_names=["features", "n_features"],
            verbose=False,
        )
    program.save(tmp_path / "encoder.onnx")
    proto = onnx.load(tmp_path / "encoder.onnx")
    # The exporter notes a wrong shape for half of a spectrum; without the notes
    # onnxruntime finds the shapes by itself.
    del proto.graph.value_info[:]
    runtime = onnxruntime.InferenceSession(proto.SerializeToString())
    for length in LENGTHS:
        x, ilens = batch(length)
        got, olens = runtime.run(
            None, {"features": x.numpy(), "n_features": ilens.numpy()}
        )
        with torch.no_grad():
            expected, expected_lengths, _ = model(x, ilens)
        torch.testing.assert_close(
            torch.from_numpy(got), expected, rtol=1e-4, atol=1e-4
        )
        assert olens.tolist() == expected_lengths.tolist()


def train_a_little(model: S4Encoder) -> None:
    """Move every parameter away from its initial value."""
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        x, lengths = batch(100)
        (model(x, lengths)[0] - 1).square().mean().backward()
        optimizer.step()
    model.eval()


@pytest.mark.parametrize(
    "convert",
    [
        lambda encoder, inputs: torch.jit.trace(encoder, inputs),
        lambda encoder, inputs: torch.jit.script(encoder),
        lambda encoder, inputs: SummaryWriter("unused").add_graph(encoder, inputs),
    ],
    ids=["trace", "script", "tensorboard"],
)
def test_torchscript_is_refused_with_what_to_use(
    convert: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    encoder = S4Encoder(20, output_size=8, num_blocks=1).eval()
    inputs = torch.randn(1, 60, 20), torch.tensor([60])
    with pytest.raises(RuntimeError, match="^TorchScript .* use torch.export.export,"):
        convert(encoder, inputs)
