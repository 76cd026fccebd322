"""What a model reads in one recording."""

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.data import TOKENS
from src.greedy import encode_posteriors, greedy_texts
from torch import Tensor


def read(model: ESPnetASRModel, speech: Tensor) -> str:
    """Return the words that CTC finds likeliest in samples, (length,)."""
    posteriors, lengths = encode_posteriors(
        model, speech[None], torch.tensor([len(speech)])
    )
    return greedy_texts(posteriors, lengths, TOKENS)[0]
