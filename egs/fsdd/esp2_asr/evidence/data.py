"""The strings as tensors in memory."""

from functools import cache

import torch
from dataset.config import CONFIG
from dataset.dataset import DigitsDataset
from src.greedy import SPACE
from torch import Tensor

SAMPLE_RATE: int = CONFIG.sample_rate
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
