"""The utterances in batches, and the order in which training sees them."""

from typing import Any

import numpy as np
import torch
from evidence.data import BATCH_SIZE, TOKENS, load
from src.greedy import SPACE
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def batches(split: str, held_out: Any) -> list[dict[str, Tensor]]:
    """Return a split in batches of utterances of like length."""
    utterances = load(split, held_out)
    return [
        make_batch(utterances[start : start + BATCH_SIZE])
        for start in range(0, len(utterances), BATCH_SIZE)
    ]


def order(n_batches: int, steps: int, seed: int) -> list[int]:
    """Return which batch each step takes: every one once, then all again."""
    numbers = np.random.RandomState(seed)
    epochs = [numbers.permutation(n_batches) for _ in range(-(-steps // n_batches))]
    return [int(index) for index in np.concatenate(epochs)[:steps]]


def make_batch(utterances: list[tuple[Tensor, str]]) -> dict[str, Any]:
    """Pad utterances, the longest first, as ESPnet's RNN wants them."""
    utterances = sorted(utterances, key=lambda utterance: -len(utterance[0]))
    tokens = [torch.tensor(_token_numbers(text)) for _, text in utterances]
    return {
        "speech": pad_sequence([speech for speech, _ in utterances], batch_first=True),
        "speech_lengths": torch.tensor([len(speech) for speech, _ in utterances]),
        "text": pad_sequence(tokens, batch_first=True, padding_value=-1),
        "text_lengths": torch.tensor([len(token) for token in tokens]),
    }


def _token_numbers(text: str) -> list[int]:
    return [TOKENS.index(letter) for letter in SPACE + text.replace(" ", SPACE)]
