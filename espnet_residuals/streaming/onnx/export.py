"""Write a model that streams as an ONNX file."""

import json
from pathlib import Path
from typing import Any, Optional

import onnx
import torch
from torch import fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.attention import SDPBackend, sdpa_kernel

from espnet_residuals.streaming.onnx.constants import fold_constants
from espnet_residuals.streaming.onnx.fixed_chunks import FixedChunks
from espnet_residuals.streaming.onnx.metadata import metadata
from espnet_residuals.streaming.requirements import check_streams


@torch.no_grad()
def export_streaming(model: Any, path: Path, chunk: Optional[int] = None) -> None:
    """Write encoder and CTC as one graph, which is called once for every chunk.

    Its first inputs are ``features``, (1, chunk, n_mels), and ``n_features``, (1,), how
    many of them belong to the recording; its first outputs ``log_probs``, (1, frames,
    tokens), and ``valid``, (1, frames), which of the frames belong to it. The other
    inputs are the state, at first zeros, each called ``state.`` and a name; the other
    outputs are the state of the next call, in the same order. The metadata
    ``streaming`` of the file says the rest, as JSON.

    Args:
        model (ESPnetASRModel): The model, in evaluation mode.
        path (Path): The file to write.
        chunk (Optional[int]): Features of a call, a multiple of the encoder's
            subsampling; None for 16, or the next multiple.

    Raises:
        ConfigError: If the model cannot stream, or not in chunks of fixed shapes; names
            the option that prevents it.
    """
    check_streams(model)
    chunks = FixedChunks(model.encoder, model.ctc, chunk)
    inputs = tuple(chunks.start())
    program = torch.onnx.export(
        _trace(chunks, inputs),
        inputs,
        dynamo=True,
        verbose=False,
        input_names=["features", "n_features", *_named("state", chunks)],
        output_names=["log_probs", "valid", *_named("next", chunks)],
    )
    assert program is not None
    proto = program.model_proto
    # The exporter notes a wrong shape for half of a spectrum; without the notes
    # onnxruntime finds the shapes by itself.
    del proto.graph.value_info[:]
    settings = json.dumps(metadata(model, chunks))
    proto.metadata_props.add(key="streaming", value=settings)
    onnx.save(proto, path)


def _trace(chunks: FixedChunks, inputs: tuple[torch.Tensor, ...]) -> fx.GraphModule:
    """Record the operations of one call, without those on parameters alone."""
    # torch.export would take the layers' paths for every length, which cost more.
    with sdpa_kernel(SDPBackend.MATH):
        graph_module = make_fx(chunks)(*inputs)
    fold_constants(graph_module)
    return graph_module.eval()


def _named(prefix: str, chunks: FixedChunks) -> list[str]:
    return [f"{prefix}.{name}" for name in chunks.state_names]
