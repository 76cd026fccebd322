"""Make a folder completely or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Yield a scratch folder that becomes ``target`` when the block succeeds.

    A block that fails leaves nothing. A process that is killed leaves the scratch
    folder ``<target>.partial``, which the next call starts by removing.
    """
    scratch = target.with_name(f"{target.name}.partial")
    if scratch.exists():
        shutil.rmtree(scratch)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    except BaseException:
        shutil.rmtree(scratch)
        raise
    scratch.rename(target)
