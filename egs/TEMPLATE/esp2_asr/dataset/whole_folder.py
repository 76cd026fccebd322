"""Make a folder completely or not at all, however many processes make it at once."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a scratch folder that becomes ``target`` when the block succeeds.

    Each process has a scratch folder of its own, in ``<target>.<letters>.partial``. The
    first to succeed makes ``target``; what others make of it meanwhile is dropped. A
    block that fails leaves nothing. What a killed process leaves is removed by the next
    one that finds nobody at work.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        _at_work(target),
        TemporaryDirectory(".partial", f"{target.name}.", target.parent) as folder,
    ):
        scratch = Path(folder, target.name)
        scratch.mkdir()
        yield scratch
        try:
            scratch.rename(target)
        except OSError:
            if not target.is_dir():  # nobody else has made it
                raise


@contextmanager
def _at_work(target: Path) -> Iterator[None]:
    """Be known to other processes as one that makes a folder; clean up if alone.

    Where the file system knows no locks, nothing is cleaned up.
    """
    parent = os.open(target.parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(parent, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_leftovers(target)
        with suppress(OSError):
            fcntl.flock(parent, fcntl.LOCK_SH)
        yield
    finally:
        os.close(parent)


def _remove_leftovers(target: Path) -> None:
    for pattern in (f"{target.name}.partial", f"{target.name}.*.partial"):
        for leftover in target.parent.glob(pattern):
            shutil.rmtree(leftover)
