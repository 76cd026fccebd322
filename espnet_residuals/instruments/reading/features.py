"""The batch that an encoder is probed with."""

from pathlib import Path
from typing import Any, NamedTuple, Sequence

import humanfriendly
import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.reading.training_yaml import TrainingYaml

# Correlations of neighbours in log-mel features of speech (spoken digits: 0.83, 0.95).
NEXT_FRAME = 0.8
NEXT_FEATURE = 0.95


class Batch(NamedTuple):
    """Features.

    Attributes:
        feats (Tensor): Features, (batch, length, input_size).
        lengths (Tensor): Valid frames of each sequence, (batch,).
        description (str): What they are, for the report.
    """

    feats: Tensor
    lengths: Tensor
    description: str


def random_batch(input_size: int, batch: int, frames: int, seed: int) -> Batch:
    """Return noise of variance 1, as smooth as log-mel features of speech.

    In white noise nothing is alike in neighbouring frames, and every layer that looks
    at neighbours would seem to lose what happens in a frame.

    Args:
        input_size (int): Number of features.
        batch (int): Number of sequences.
        frames (int): Length of each.
        seed (int): Seed of the noise.

    Returns:
        Batch: The same for the same arguments.

    Raises:
        Failure: If there is no memory for them.
    """
    generator = torch.Generator().manual_seed(seed)
    try:
        feats = torch.randn(batch, frames, input_size, generator=generator)
        for dim, correlation in ((1, NEXT_FRAME), (2, NEXT_FEATURE)):
            _correlate_neighbours_(feats, dim, correlation)
    except RuntimeError as error:
        size = humanfriendly.format_size(4 * batch * frames * input_size, binary=True)
        raise Failure(
            Exit.USAGE,
            f"features of {batch} x {frames} x {input_size} need {size}; ask for fewer "
            "--frames or --batch, or a smaller --input-size",
        ) from error
    lengths = torch.full((batch,), frames)
    return Batch(feats, lengths, f"random features, {batch} x {frames} frames")


def _correlate_neighbours_(noise: Tensor, dim: int, correlation: float) -> None:
    """Make an autoregressive process of white noise along a dimension, in place."""
    slices = noise.unbind(dim)
    for before, here in zip(slices, slices[1:]):
        here.mul_((1 - correlation**2) ** 0.5).add_(before, alpha=correlation)


def audio_batch(config: TrainingYaml, paths: Sequence[Path], input_size: int) -> Batch:
    """Return the log-mel features of recordings, from ESPnet's default frontend.

    Every feature has mean 0 and variance 1 in each recording, in place of the YAML's
    ``normalize``, which may need statistics.

    Args:
        config (TrainingYaml): The configuration; its ``frontend_conf`` is used.
        paths (Sequence[Path]): Audio files; of several channels the first is taken.
        input_size (int): Number of features that the encoder is built for.

    Returns:
        Batch: One sequence for each file.

    Raises:
        Failure: If a file cannot be read or is too short, or the frontend is another.
    """
    if config.model["frontend"] != "default":
        raise Failure(
            Exit.USAGE,
            "audio files need 'frontend: default' in the YAML, got "
            f"{config.model['frontend']!r}; leave the files out for random features",
        )
    frontend = _frontend(config)
    if frontend.output_size() != input_size:
        raise Failure(
            Exit.USAGE,
            f"the YAML's frontend gives {frontend.output_size()} features, the encoder "
            f"takes {input_size}; leave the audio files or --input-size out",
        )
    waves = [_read(path, _sampling_rate(config)) for path in paths]
    lengths = torch.tensor([len(wave) for wave in waves])
    try:
        with torch.no_grad():
            feats, frames = frontend(pad_sequence(waves, batch_first=True), lengths)
    except RuntimeError as error:
        raise Failure(
            Exit.USAGE,
            f"the frontend fails on recordings of at most {lengths.max()} samples: "
            f"{error}",
        ) from error
    normalised = [_normalise(f[:n]) for f, n in zip(feats, frames.tolist())]
    description = f"{len(paths)} recordings, {sum(frames.tolist())} frames"
    return Batch(pad_sequence(normalised, batch_first=True), frames, description)


def _frontend(config: TrainingYaml) -> Any:
    # Takes a second, and only recordings need it.
    from espnet2.asr.frontend.default import DefaultFrontend

    try:
        return DefaultFrontend(**config.frontend_conf).eval()
    except Exception as error:
        raise Failure(Exit.OPTION, f"{config.path}: frontend_conf: {error}") from error


def _sampling_rate(config: TrainingYaml) -> int:
    rate = config.frontend_conf.get("fs", 16000)
    return humanfriendly.parse_size(rate) if isinstance(rate, str) else int(rate)


def _read(path: Path, sampling_rate: int) -> Tensor:
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise Failure(Exit.FILE, f"cannot read {path}: {error}") from error
    if rate != sampling_rate:
        raise Failure(
            Exit.USAGE,
            f"{path} has {rate} samples a second, the frontend expects "
            f"{sampling_rate}; convert it",
        )
    if not len(samples):
        raise Failure(Exit.FILE, f"{path} holds no samples")
    if not np.isfinite(samples).all():
        raise Failure(Exit.FILE, f"{path} holds samples that are no finite numbers")
    return torch.from_numpy(np.ascontiguousarray(samples[:, 0]))


def _normalise(feats: Tensor) -> Tensor:
    deviation = feats.std(dim=0, unbiased=False).clamp(min=1e-5)
    return (feats - feats.mean(dim=0)) / deviation
