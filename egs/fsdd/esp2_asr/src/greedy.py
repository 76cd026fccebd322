"""Read the words that a CTC model finds likeliest, frame by frame."""

from collections.abc import Sequence
from itertools import groupby

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from torch import Tensor

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's


def greedy_texts(
    posteriors: Tensor, lengths: Tensor, token_list: Sequence[str]
) -> list[str]:
    """Return the text of each utterance: repetitions merged, blanks removed.

    Args:
        posteriors: Or any scores of the tokens, (batch, length, tokens).
        lengths: Frames of each utterance, (batch,).
        token_list: The tokens; the first is CTC's blank.
    """
    texts = []
    for best, length in zip(posteriors.argmax(dim=-1), lengths):
        merged = [int(token) for token, _ in groupby(best[: int(length)].tolist())]
        tokens = [token_list[token] for token in merged if token != 0]
        texts.append("".join(tokens).replace(SPACE, " ").strip())
    return texts


def reference_texts(
    tokens: Tensor, lengths: Tensor, token_list: Sequence[str]
) -> list[str]:
    """Return the text of padded token numbers, (batch, length)."""
    return [
        "".join(token_list[int(token)] for token in row[: int(length)])
        .replace(SPACE, " ")
        .strip()
        for row, length in zip(tokens, lengths)
    ]


@torch.no_grad()
def encode_posteriors(
    model: ESPnetASRModel, speech: Tensor, speech_lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return CTC's log posteriors, (batch, length, tokens), and their lengths."""
    frames, lengths = model.encode(speech, speech_lengths)
    return model.ctc.log_softmax(frames), lengths
