"""The strings as tensors in memory, and the order in which training sees them."""

from functools import cache
from typing import Any

import numpy as np
import torch
from dataset.dataset import DigitsDataset
from src.greedy import SPACE
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

BATCH_SIZE = 16
LETTERS = sorted(set("ZEROONETWOTHREEFOURFIVESIXSEVENEIGHTNINE"))
TOKENS = ["<blank>", "<unk>", SPACE, *LETTERS, "<sos/eos>"]


@cache
def load(split: str, held_out: str | None) -> list[tuple[Tensor, str]]:
    """Return samples and text of every string of a split, the shortest first."""
    dataset = DigitsDataset(split, held_out)
    strings = [
        (torch.from_numpy(item["speech"]), str(item["text"]))
        for item in (dataset[index] for index in range(len(dataset)))
    ]
    return sorted(strings, key=lambda string: len(string[0]))


def batches(split: str, held_out: str | None) -> list[dict[str, Tensor]]:
    """Return a split in batches of strings of like length."""
    strings = load(split, held_out)
    return [
        make_batch(strings[start : start + BATCH_SIZE])
        for start in range(0, len(strings), BATCH_SIZE)
    ]


def order(n_batches: int, steps: int, seed: int) -> list[int]:
    """Return which batch each step takes: every one once, then all again."""
    numbers = np.random.RandomState(seed)
    epochs = [numbers.permutation(n_batches) for _ in range(-(-steps // n_batches))]
    return [int(index) for index in np.concatenate(epochs)[:steps]]


def make_batch(strings: list[tuple[Tensor, str]]) -> dict[str, Any]:
    """Pad strings, the longest first, as ESPnet's RNN wants them."""
    strings = sorted(strings, key=lambda string: -len(string[0]))
    tokens = [torch.tensor(_token_numbers(text)) for _, text in strings]
    return {
        "speech": pad_sequence([speech for speech, _ in strings], batch_first=True),
        "speech_lengths": torch.tensor([len(speech) for speech, _ in strings]),
        "text": pad_sequence(tokens, batch_first=True, padding_value=-1),
        "text_lengths": torch.tensor([len(token) for token in tokens]),
    }


def _token_numbers(text: str) -> list[int]:
    return [TOKENS.index(letter) for letter in SPACE + text.replace(" ", SPACE)]
