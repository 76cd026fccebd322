"""What the first steps of a training leave of the frames.

CTC first learns to say blank in every frame, and nothing holds the encoder to the
frames meanwhile. Whether it keeps them depends on its start and on the learning rate.
"""

import math
from typing import Callable

import torch
import torch.nn.functional as F
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from espnet_residuals.instruments.measuring.measure import measure
from espnet_residuals.instruments.measuring.sites import find_sites, stream_of
from espnet_residuals.instruments.reading.features import Batch
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.optimizer import grouped

STEPS = 30
WARMUP = 75  # steps in which the learning rate would rise from 0 to its peak
TOKENS = 30  # about as many as letters; the first is blank
SEQUENCES = 4  # at most, of a batch; the frames are measured on all
CLIP = 5.0  # largest norm of the gradient, as in ESPnet


def frames_after_first_steps(
    encoder: AbsEncoder,
    batch: Batch,
    lr: float,
    seed: int,
    advance: Callable[[], object] = lambda: None,
) -> float:
    """Return how much of the frames is in the output after steps towards blank.

    They are what CTC does at first: a linear map behind the encoder and the encoder
    learn, by AdamW, to give every frame the same token, with dropout. In 30 steps the
    rate rises to 0.4 of its peak.

    Args:
        encoder (AbsEncoder): The encoder; but for its gradients it is left as it is.
        batch (Batch): What it is given; in the steps, the first four sequences.
        lr (float): The peak of the learning rate.
        seed (int): Seed of the map and of dropout.
        advance (Callable[[], object]): Called behind each step.

    Returns:
        float: ``frames`` of the last
        :class:`~espnet_residuals.instruments.measuring.profile.Reading` then; 0 if the
        steps lead to numbers that are not finite, NaN if too few frames count.

    Examples:
        >>> from espnet_residuals import S4Encoder
        >>> from espnet_residuals.instruments.reading.features import random_batch
        >>> encoder = S4Encoder(20, 16, num_blocks=1, input_layer="linear")
        >>> batch = random_batch(20, batch=2, frames=40, seed=0)
        >>> frames_after_first_steps(encoder, batch, lr=0.001, seed=0) > 0.5
        True
    """
    start = {name: value.clone() for name, value in encoder.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        is_finite = _learn_blank(encoder, batch, lr, advance)
        frames = _frames(encoder, batch, seed) if is_finite else 0.0
    encoder.load_state_dict(start)
    return frames


def _learn_blank(
    encoder: AbsEncoder, batch: Batch, lr: float, advance: Callable[[], object]
) -> bool:
    """Take the steps; return whether the loss stayed finite."""
    encoder.train()
    # It needs the model's CTC.
    setattr(encoder, "interctc_use_conditioning", False)
    tokens = nn.Linear(encoder.output_size(), TOKENS)
    parameters = [*encoder.parameters(), *tokens.parameters()]
    optimizer = grouped(parameters, lr=lr)
    peaks = [group["lr"] for group in optimizer.param_groups]
    for step in range(1, STEPS + 1):
        for group, peak in zip(optimizer.param_groups, peaks):
            group["lr"] = peak * step / WARMUP
        loss = _loss_of_blank(encoder, tokens, batch)
        if not torch.isfinite(loss):
            return False
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        advance()
    return True


def _loss_of_blank(encoder: nn.Module, tokens: nn.Module, batch: Batch) -> Tensor:
    ys, lengths, *_ = encoder(batch.feats[:SEQUENCES], batch.lengths[:SEQUENCES])
    output = stream_of(ys)
    logits = tokens(output)[valid_frames(lengths, output)]
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))


def _frames(encoder: nn.Module, batch: Batch, seed: int) -> float:
    last = measure("", encoder, find_sites(encoder), batch, seed).readings[-1]
    return last.frames if math.isfinite(last.mean_square) else 0.0
