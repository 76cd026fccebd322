"""The utterances as tensors in memory."""

from functools import cache
from string import ascii_uppercase
from typing import NamedTuple

import torch
from dataset.config import CONFIG
from dataset.dataset import An4Dataset
from src.greedy import SPACE
from src.units import unit_of
from torch import Tensor

SAMPLE_RATE: int = CONFIG.sample_rate
BATCH_SIZE = 16
TOKENS = ["<blank>", "<unk>", SPACE, *ascii_uppercase, "<sos/eos>"]


class Utterance(NamedTuple):
    """Who says what, and how it sounds."""

    speaker: str
    speech: Tensor
    text: str


@cache
def load_utterances(split: str, fold: int | None) -> list[Utterance]:
    """Return a split, a speaker's utterances behind each other."""
    dataset = An4Dataset(split, fold, with_ids=True)
    return [
        Utterance(
            unit_of(str(item["utt_id"])),
            torch.from_numpy(item["speech"]),
            str(item["text"]),
        )
        for item in (dataset[index] for index in range(len(dataset)))
    ]


def load(split: str, fold: int | None) -> list[tuple[Tensor, str]]:
    """Return samples and text of every utterance of a split, the shortest first."""
    utterances = sorted(load_utterances(split, fold), key=lambda u: len(u.speech))
    return [(speech, text) for _, speech, text in utterances]
