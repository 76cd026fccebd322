"""Probe the encoder of a training YAML: from the file to the profiles."""

from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, NamedTuple, Optional, Sequence

from tqdm import tqdm

from espnet_residuals.config.build import NAME_KEY
from espnet_residuals.encoder import S4Encoder
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.measuring.first_steps import (
    STEPS,
    frames_after_first_steps,
)
from espnet_residuals.instruments.measuring.measure import measure
from espnet_residuals.instruments.measuring.profile import Profile
from espnet_residuals.instruments.measuring.sites import find_sites
from espnet_residuals.instruments.reading.checkpoint import load_checkpoint
from espnet_residuals.instruments.reading.encoder import (
    build_encoder,
    depth_for,
    encoder_class,
)
from espnet_residuals.instruments.reading.features import (
    Batch,
    audio_batch,
    random_batch,
)
from espnet_residuals.instruments.reading.training_yaml import (
    TrainingYaml,
    input_size_of,
    read_training_yaml,
)
from espnet_residuals.residual import registry

# Seconds before the progress bar shows itself.
PATIENCE = 2.0


class Request(NamedTuple):
    """What is asked for.

    Attributes:
        config (Path): A training YAML.
        compare (Sequence[str]): Residual functions in place of the YAML's.
        layers (Optional[int]): Number of sublayers in place of the YAML's.
        checkpoint (Optional[Path]): Weights in place of the start.
        audio (Sequence[Path]): Recordings in place of random features.
        input_size (Optional[int]): Number of features in place of the YAML's.
        batch (int): Number of random sequences.
        frames (int): Length of each.
        seed (int): Seed of the start, the features and the gradient.
        lr (Optional[float]): The learning rate of first steps; None for no steps.
    """

    config: Path
    compare: Sequence[str] = ()
    layers: Optional[int] = None
    checkpoint: Optional[Path] = None
    audio: Sequence[Path] = ()
    input_size: Optional[int] = None
    batch: int = 4
    frames: int = 400
    seed: int = 0
    lr: Optional[float] = None


class Result(NamedTuple):
    """What came of it.

    Attributes:
        about (Mapping[str, Any]): What was probed, for the report.
        profiles (list[Profile]): One, or one for each residual function compared.
    """

    about: Mapping[str, Any]
    profiles: list[Profile]


def probe(request: Request) -> Result:
    """Build the encoder, run it and read what passes through it.

    Args:
        request (Request): What is asked for.

    Returns:
        Result: The profiles.

    Raises:
        Failure: If something that the user gave is wrong.
    """
    config = read_training_yaml(request.config)
    variants = _variants(config, request)
    input_size = request.input_size or input_size_of(config)
    batch = _batch(config, request, input_size)
    profiles = []
    with Progress() as progress:
        for name, encoder_conf in variants.items():
            try:
                encoder = build_encoder(config, encoder_conf, input_size, request.seed)
            except Failure as failure:
                raise _asked_by(request, name, failure) from failure
            if request.checkpoint is not None:
                load_checkpoint(encoder, request.checkpoint)
            sites = find_sites(encoder)
            steps = 0 if request.lr is None else STEPS
            progress.expect((2 * len(sites) + steps) * len(variants))
            profile = measure(
                name, encoder, sites, batch, request.seed, progress.advance
            )
            if request.lr is not None:
                left = frames_after_first_steps(
                    encoder, batch, request.lr, request.seed, progress.advance
                )
                profile = profile._replace(after_first_steps=left)
            profiles.append(profile)
    return Result(_about(config, request, batch, profiles), profiles)


def _variants(config: TrainingYaml, request: Request) -> dict[str, dict[str, Any]]:
    """Return the encoder's options for each profile, by the name of the profile."""
    options = dict(config.encoder_conf)
    if request.layers is not None:
        options["num_blocks"] = depth_for(config, request.layers)
    if encoder_class(config.encoder) is not S4Encoder:
        if request.compare:
            raise Failure(
                Exit.USAGE, f"--compare needs 'encoder: s4', got {config.encoder!r}"
            )
        return {config.encoder: options}
    residual = options.get("residual", "residual")
    own = residual.get(NAME_KEY) if isinstance(residual, Mapping) else residual
    if not request.compare:
        return {"none" if own is None else str(own): options}
    return {
        name: {**options, "residual": residual if _are_one(name, own) else name}
        for name in request.compare
    }


def _asked_by(request: Request, name: str, failure: Failure) -> Failure:
    """Return a failure that names the function of --compare with which it came."""
    if not request.compare:
        return failure
    return Failure(failure.code, f"--compare {name}: {failure}")


def _are_one(name: str, own: Any) -> bool:
    """Return whether two names are one residual function's, such as decay and D."""
    return name == own or (
        name in registry and own in registry and registry[name] is registry[own]
    )


def _batch(config: TrainingYaml, request: Request, input_size: int) -> Batch:
    if request.audio:
        return audio_batch(config, request.audio, input_size)
    return random_batch(input_size, request.batch, request.frames, request.seed)


def _about(
    config: TrainingYaml, request: Request, batch: Batch, profiles: Sequence[Profile]
) -> dict[str, Any]:
    num_blocks = config.encoder_conf.get("num_blocks")
    if request.layers is not None:
        num_blocks = depth_for(config, request.layers)
    weights = "the start" if request.checkpoint is None else str(request.checkpoint)
    return {
        "config": str(config.path),
        "encoder": config.encoder,
        "sublayers": len(profiles[0].readings),
        "asked_for": request.layers,
        "num_blocks": num_blocks,
        "weights": weights,
        "features": batch.description,
        "seed": request.seed,
        "lr": request.lr,
    }


class Progress:
    """Shows itself on a terminal after two seconds; never in a file or a pipe."""

    def __init__(self) -> None:
        self._bar = tqdm(desc="probe", delay=PATIENCE, disable=None, leave=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._bar.close()

    def expect(self, steps: int) -> None:
        """Say how many steps there are in all.

        Args:
            steps (int): Their number.
        """
        self._bar.total = steps

    def advance(self) -> None:
        """Take one step."""
        self._bar.update()
