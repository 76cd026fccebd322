"""Decode a fixed signal with a stored model; shared by its maker and its test."""

import math
from pathlib import Path

import torch
from espnet2.bin.asr_inference import Speech2Text

import espnet_residuals

FOLDER = Path(__file__).parent

espnet_residuals.register()


def log_probabilities(config: Path, weights: Path) -> torch.Tensor:
    """Return the CTC log-probabilities, (frames, tokens), of one second of a chirp."""
    decoder = Speech2Text(asr_train_config=config, asr_model_file=weights, ctc_weight=1)
    t = torch.arange(8000) / 8000
    speech = torch.sin(2 * math.pi * (200 * t + 800 * t.square()))
    with torch.no_grad():
        encoded, _ = decoder.asr_model.encode(speech[None], torch.tensor([8000]))
        return decoder.asr_model.ctc.log_softmax(encoded[0])[0]
