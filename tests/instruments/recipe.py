"""A small training configuration, as ESPnet2 and as ESPnet3 write it."""

from pathlib import Path
from typing import Any

import yaml

MODEL: dict[str, Any] = {
    "frontend": "default",
    "frontend_conf": {"n_mels": 20, "hop_length": 160},
    "encoder": "s4",
    "encoder_conf": {
        "output_size": 8,
        "num_blocks": 2,
        "input_layer": "linear",
        "layer": [{"_name_": "s4d", "d_state": 8}, "ff"],
        "residual": {"_name_": "decay", "power": 0.5},
        "dropout_rate": 0.5,
    },
}


def write_recipe(folder: Path, espnet3: bool = True, **encoder_conf: Any) -> Path:
    """Write the configuration with some of the encoder's options changed."""
    model = {**MODEL, "encoder_conf": {**MODEL["encoder_conf"], **encoder_conf}}
    document = {"seed": 1, "model": model} if espnet3 else model
    path = folder / "training.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
