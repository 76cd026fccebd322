"""What a program must know to feed an exported model and to read its output."""

from typing import Any

from torch import Tensor

from espnet_residuals.streaming.onnx.fixed_chunks import FixedChunks


def metadata(model: Any, chunks: FixedChunks) -> dict[str, Any]:
    """Return the settings of a stream, as docs/streaming.md lists them.

    Args:
        model (ESPnetASRModel): The model, which can stream.
        chunks (FixedChunks): How it is exported.

    Returns:
        dict[str, Any]: Values that JSON can hold, by name.
    """
    encoder = model.encoder
    states = zip(chunks.state_names, chunks.start()[2:])
    return {
        "chunk": chunks.chunk,
        "shift": chunks.chunk,
        "frames": chunks.frames,
        "flush": chunks.flush,
        "delay": encoder.delay,
        "look_ahead": encoder.stack.look_ahead,
        "subsampling": encoder.embed.stride,
        "states": [_state(name, tensor) for name, tensor in states],
        "tokens": list(model.token_list),
        "blank": model.blank_id,
        **_features(model),
    }


def _state(name: str, tensor: Tensor) -> dict[str, Any]:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return {"name": name, "shape": list(tensor.shape), "dtype": dtype}


def _features(model: Any) -> dict[str, Any]:
    """Return how ESPnet's default frontend and normalisation make features."""
    stft, logmel, mvn = model.frontend.stft, model.frontend.logmel, model.normalize
    mel = dict(logmel.mel_options)
    has_mean, has_std = (
        getattr(mvn, option, False) for option in ("norm_means", "norm_vars")
    )
    return {
        "sampling_rate": mel["sr"],
        "n_fft": stft.n_fft,
        "win_length": stft.win_length,
        "hop_length": stft.hop_length,
        "window": stft.window,
        "center": stft.center,
        "normalized": stft.normalized,
        "n_mels": mel["n_mels"],
        "fmin": mel["fmin"],
        "fmax": mel["fmax"],
        "htk": mel["htk"],
        "log_base": logmel.log_base,
        "mean": mvn.mean.tolist() if has_mean else [0.0] * mel["n_mels"],
        "std": mvn.std.tolist() if has_std else [1.0] * mel["n_mels"],
    }
