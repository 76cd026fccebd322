"""Load the encoder's part of a checkpoint."""

from pathlib import Path
from typing import Any, Mapping

import torch
from torch import nn

from espnet_residuals.probe.failure import Exit, Failure

# Where ESPnet3 (Lightning) and ESPnet2's checkpoint.pth keep the model.
WRAPPERS = ("state_dict", "model")
PREFIXES = ("model.encoder.", "module.encoder.", "encoder.")


def load_checkpoint(encoder: nn.Module, path: Path) -> None:
    """Load the weights of the encoder; runs no code from the file.

    Args:
        encoder (nn.Module): The encoder, changed in place.
        path (Path): An ESPnet3 ``.ckpt``, an ESPnet2 ``.pth``, or a state_dict of the
            encoder alone.

    Raises:
        Failure: If the file cannot be read, or its weights are not the encoder's.
    """
    weights = _encoder_weights(_read(path))
    if not weights:
        raise Failure(Exit.CHECKPOINT, f"{path} holds no weights")
    own = encoder.state_dict()
    unequal = {
        name: f"{name} {list(weights[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    }
    # The encoder itself knows what older files may lack.
    keys = encoder.load_state_dict(
        {name: weights[name] for name in weights if name not in unequal}, strict=False
    )
    missing = [name for name in keys.missing_keys if name not in unequal]
    problems = [
        f"{len(names)} {what}, such as {names[0]}"
        for names, what in (
            (list(unequal.values()), "of another shape"),
            (missing, "missing"),
            (keys.unexpected_keys, "that the encoder does not have"),
        )
        if names
    ]
    if problems:
        raise Failure(
            Exit.CHECKPOINT,
            f"{path} does not fit the encoder of the YAML: of {len(own)} tensors "
            f"{'; '.join(problems)}",
        )


def _read(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Failure(
            Exit.FILE, f"cannot read {path}: {error.strerror or error}"
        ) from error
    except Exception as error:  # whatever the bytes of another kind of file make torch
        raise Failure(
            Exit.CHECKPOINT,
            f"{path} is no checkpoint of tensors alone ({type(error).__name__}); save "
            "the model's state_dict by itself",
        ) from error


def _encoder_weights(content: Any) -> dict[str, Any]:
    """Return the encoder's tensors by the names that the encoder gives them."""
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        return {}
    tensors = {k: v for k, v in content.items() if isinstance(v, torch.Tensor)}
    for prefix in PREFIXES:
        found = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        if found:
            return found
    return tensors
