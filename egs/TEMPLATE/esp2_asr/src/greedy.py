"""Read the words that a CTC model finds likeliest, frame by frame."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from espnet2.tasks.asr import ASRTask
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
    if isinstance(frames, tuple):  # with those of intermediate blocks
        frames, _ = frames
    return model.ctc.log_softmax(frames), lengths


class GreedySpeech2Text:
    """Reads the words of recordings, without a beam; called as ESPnet's Speech2Text.

    With a beam of one hypothesis ESPnet's reads the same of nearly all strings, but
    takes thousands of steps for a long one.

    Args:
        asr_train_config: The model's config.yaml.
        asr_model_file: Its parameters.
        device: Where to compute.
    """

    def __init__(
        self, asr_train_config: str, asr_model_file: str, device: str = "cpu"
    ) -> None:
        model, _ = ASRTask.build_model_from_file(
            asr_train_config, asr_model_file, device
        )
        self.model = model.eval()
        self.device = device

    def __call__(self, speech: np.ndarray | list[np.ndarray]) -> list[Any]:
        """Return (text, None, None, None) of a recording, in a list; for a list, lists.

        Each is read alone: in a padded batch the frontend's last frames would differ.

        Args:
            speech: Samples, (samples,), or several such.
        """
        if isinstance(speech, list):
            return [self(recording) for recording in speech]
        samples = torch.as_tensor(speech, device=self.device)[None]
        lengths = torch.tensor([samples.size(1)], device=self.device)
        posteriors, frames = encode_posteriors(self.model, samples, lengths)
        (text,) = greedy_texts(posteriors, frames, self.model.token_list)
        return [(text, None, None, None)]
