"""Encoders for graphs of fixed shapes, and how a program calls such a graph."""

from typing import Any, Callable

import numpy as np

LAYERS: dict[str, Any] = {
    "ff": ["ff"],
    "s4d": [{"_name_": "s4d", "d_state": 8}],
    "conv": [{"_name_": "conv", "kernel": 7, "look_ahead": 2}],
    "conv, batch": [{"_name_": "conv", "kernel": 4, "look_ahead": 3, "norm": "batch"}],
    "mamba2": [{"_name_": "mamba2", "d_state": 4}],
    "relative": [{"_name_": "mha", "n_head": 2, "left_context": 9, "look_ahead": 2}],
    "rotary": [
        {
            "_name_": "mha",
            "n_head": 2,
            "left_context": 5,
            "look_ahead": 0,
            "positions": "rotary",
        }
    ],
}
LAYERS["all"] = [
    *LAYERS["relative"],
    *LAYERS["conv"],
    *LAYERS["s4d"],
    {"_name_": "mamba2", "d_state": 4, "residual": "decay"},
    "ff",
]


def encoder_conf(layer: str, **changes: Any) -> dict[str, Any]:
    """Return a small encoder with the layers of a name."""
    small = {"output_size": 16, "num_blocks": 2, "layer": LAYERS[layer]}
    return {**small, **changes}


def stream(
    call: Callable[..., Any], state: list[Any], features: Any, chunk: int, flush: int
) -> np.ndarray:
    """Return the frames of a recording, (frames, tokens), called chunk by chunk."""
    starts = range(0, len(features), chunk)
    pieces = [features[start : start + chunk] for start in starts]
    frames = []
    for piece in [*pieces, *[features[:0]] * flush]:
        # What stands in the place of missing features must not matter.
        padded = np.full((1, chunk, features.shape[1]), 3.0, np.float32)
        padded[0, : len(piece)] = piece
        log_probs, valid, *state = call(padded, np.array([len(piece)]), *state)
        frames.append(np.asarray(log_probs)[np.asarray(valid)])
    return np.concatenate(frames)
