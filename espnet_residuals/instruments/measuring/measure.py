"""Run an encoder forward and backward and take the readings."""

import math
from contextlib import ExitStack
from typing import Callable, Sequence

import torch
import torch.nn.functional as F
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from torch import Tensor, nn

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.measuring.frames import frame_similarity
from espnet_residuals.instruments.measuring.profile import Profile, Reading
from espnet_residuals.instruments.measuring.quantities import (
    gradient_norm,
    sum_of_squares,
)
from espnet_residuals.instruments.measuring.sites import (
    Site,
    Trace,
    attach_all,
    stream_of,
)
from espnet_residuals.instruments.reading.features import Batch


def measure(
    name: str,
    encoder: nn.Module,
    sites: Sequence[Site],
    batch: Batch,
    seed: int,
    advance: Callable[[], object] = lambda: None,
) -> Profile:
    """Measure an encoder at the point where it stands.

    The encoder runs in evaluation mode: no dropout, no stochastic depth, running
    statistics in batch norms. The gradient at its output is noise of norm 1.

    Args:
        name (str): Name of the profile.
        encoder (nn.Module): The encoder; its gradients are overwritten.
        sites (Sequence[Site]): Its sublayers.
        batch (Batch): What it is given.
        seed (int): Seed of the gradient at the output.
        advance (Callable[[], object]): Called at each site, forward and backward.

    Returns:
        Profile: The readings.

    Raises:
        Failure: If the batch is too short for the encoder's subsampling, or the
            encoder cannot process it.
    """
    encoder.eval()
    encoder.zero_grad()
    # It needs the model's CTC.
    setattr(encoder, "interctc_use_conditioning", False)
    with ExitStack() as hooks:
        traces = attach_all(sites, advance, hooks)
        try:
            ys, lengths, *_ = encoder(batch.feats, batch.lengths)
        except TooShortUttError as error:
            raise Failure(Exit.USAGE, f"the batch is too short: {error}") from error
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            raise Failure(
                Exit.ENCODER,
                f"the encoder fails on features {tuple(batch.feats.shape)}: "
                f"{str(error).partition(chr(10))[0]}",
            ) from error
        output = stream_of(ys)
        valid = torch.arange(output.size(1)) < lengths.unsqueeze(-1)
        output.backward(_noise_like(output, valid, seed))
    size = sum(parameter.numel() for parameter in encoder.parameters())
    stream = traces[0].before
    readings = [
        _read(i, trace, stream, valid) for i, trace in enumerate(traces, start=1)
    ]
    return Profile(name, size, readings)


def _noise_like(output: Tensor, valid: Tensor, seed: int) -> Tensor:
    """Return noise of norm 1 on the valid frames."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(output.shape, generator=generator) * valid.unsqueeze(-1)
    return (noise / noise.norm()).to(output.dtype)


def _read(index: int, trace: Trace, stream: Tensor, valid: Tensor) -> Reading:
    behind = trace.behind.detach()
    if valid.shape != behind.shape[:-1]:
        # Encoders that cut the sequence into blocks have frames of their own.
        valid = torch.ones(behind.shape[:-1], dtype=torch.bool)
    frames = math.nan
    if stream.shape[:-1] == behind.shape[:-1]:
        frames = frame_similarity(stream, behind, valid)
    given, taken = math.nan, math.nan
    if trace.given.shape[:-1] == valid.shape:
        given, taken = (_mean_square(p, valid) for p in (trace.given, trace.taken))
    new, kept = (_mean_square(part, valid) for part in (trace.new, trace.kept))
    cosine = F.cosine_similarity(trace.before, behind, dim=-1)[valid].mean().item()
    gradient = trace.behind.grad
    return Reading(
        index,
        trace.site.name,
        _mean_square(behind, valid),
        new / (new + kept) if new else 0.0,
        frames,
        given / taken if taken else math.nan,
        cosine,
        0.0 if gradient is None else gradient.norm().item(),
        gradient_norm(trace.site.module).item(),
    )


def _mean_square(stream: Tensor, valid: Tensor) -> float:
    values = valid.sum() * stream.size(-1)
    # In float32 the square of a stream that explodes would overflow too early.
    return (sum_of_squares(stream.double(), valid) / values).item()
