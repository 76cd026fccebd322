"""Let a training of ESPnet2 go on although it was killed while it saved."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import torch
from espnet2.torch_utils.safe_torch_load import safe_torch_load


@contextmanager
def whole_saves() -> Iterator[None]:
    """Let ``torch.save`` write beside a file, and take its place when all is written.

    A process that is killed meanwhile leaves the older file as it was, and a
    ``.partial`` beside it, which the next save overwrites.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, whole_saves():
        ...     torch.save(torch.zeros(2), Path(folder, "model.pth"))
        ...     print(os.listdir(folder))
        ['model.pth']
    """
    save = torch.save

    def save_whole(obj: object, f: Any, *arguments: Any, **options: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            save(obj, f, *arguments, **options)
            return
        scratch = f"{os.fspath(f)}.partial"
        save(obj, scratch, *arguments, **options)
        os.replace(scratch, f)

    setattr(torch, "save", save_whole)
    try:
        yield
    finally:
        setattr(torch, "save", save)


def save_model_of(checkpoint: Path, epoch: int) -> None:
    """Write the model of an epoch anew: ESPnet2 saves it after the checkpoint.

    Args:
        checkpoint (Path): ``checkpoint.pth``, from which training goes on.
        epoch (int): The last one in it.
    """
    states = safe_torch_load(checkpoint, map_location="cpu")
    torch.save(states["model"], checkpoint.with_name(f"{epoch}epoch.pth"))
