"""Load the encoder's part of a checkpoint."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from espnet_residuals.instruments.failure import Exit, Failure

# Where DeepSpeed, ESPnet3 (Lightning) and ESPnet2's checkpoint.pth keep the model.
WRAPPERS = ("module", "state_dict", "model")
# What torch.compile, FSDP and checkpointed activations put into names, at any place.
UNWRAPPED = re.compile(
    r"\b(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
# Of the encoder in a model, of an encoder alone under DistributedDataParallel, and of
# any other.
PREFIXES = (r"((model|module)\.)*encoder\.", r"(module\.)+", "")


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
    odd = {
        name: f"{name} ({kind})"
        for name in own
        if name in weights and (kind := _misfit(weights[name], own[name]))
    }
    unequal = {
        name: f"{name} {list(weights[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in weights
        and name not in odd
        and weights[name].shape != own[name].shape
    }
    for name in (*odd, *unequal):
        del weights[name]
    _refuse_broken(path, own, weights)
    # The encoder itself knows what older files may lack.
    keys = encoder.load_state_dict(weights, strict=False)
    missing = [name for name in keys.missing_keys if name not in {*odd, *unequal}]
    problems = [
        f"{len(names)} {what}, such as {names[0]}"
        for names, what in (
            (list(odd.values()), "that are no plain numbers"),
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


def _encoder_weights(content: Any) -> "OrderedDict[str, Tensor]":
    """Return the encoder's tensors by the names that the encoder gives them."""
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        return OrderedDict()
    tensors = {k: v for k, v in content.items() if isinstance(v, Tensor)}
    own_name = _naming(str(name) for name in tensors)
    weights: Any = OrderedDict(
        (own, tensor)
        for name, tensor in tensors.items()
        if (own := own_name(str(name)))
    )
    # The versions of the modules, beside the tensors, as torch looks for them.
    versions = getattr(content, "_metadata", {})
    weights._metadata = {
        own_name(f"{module}.").rstrip("."): version
        for module, version in versions.items()
        if own_name(f"{module}.")
    }
    return weights


def _misfit(tensor: Tensor, own: Tensor) -> str:
    """Return what a tensor is that cannot be copied into another; else nothing."""
    if tensor.is_meta:
        return "without values, on the device meta"
    if tensor.is_quantized:
        return "quantised"
    if tensor.is_nested or tensor.layout is not torch.strided:
        return "sparse or nested"
    return "complex" if tensor.is_complex() and not own.is_complex() else ""


def _refuse_broken(path: Path, own: Iterable[str], weights: dict[str, Any]) -> None:
    """Refuse weights with which every number would be NaN."""
    broken = [k for k in own if k in weights and not weights[k].isfinite().all()]
    if broken:
        raise Failure(
            Exit.CHECKPOINT,
            f"{path} holds NaN or infinity in {len(broken)} of the encoder's tensors, "
            f"such as {broken[0]}: the training had failed by then; take an earlier "
            "one",
        )


def _naming(names: Iterable[str]) -> Callable[[str], str]:
    """Return what gives a tensor its name in the encoder; empty if it is not there.

    The encoder may be a part of the model, and both may be wrapped.
    """
    bare = [UNWRAPPED.sub("", name) for name in names]
    for prefix in PREFIXES:
        if any(re.match(prefix, name) for name in bare):
            break

    def own_name(name: str) -> str:
        name, n_prefixes = re.subn(f"^{prefix}", "", UNWRAPPED.sub("", name))
        return name if n_prefixes else ""

    return own_name
