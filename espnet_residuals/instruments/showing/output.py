"""Write where the user asked for it: to standard output, or to a file as a whole."""

import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator

from espnet_residuals.instruments.failure import Exit, Failure


def open_output() -> None:
    """Let letters pass that the terminal's encoding lacks, as backslash escapes.

    Raises:
        Failure: If standard output is closed.
    """
    if sys.stdout is None:
        raise Failure(Exit.FILE, "cannot write the output: standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def leave_output() -> None:
    """Send what is still to be printed nowhere, or Python would fail at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield the path of a new file that becomes ``path`` when the block succeeds.

    A block that fails leaves nothing new, and an older file as it was. What is no
    file, such as ``/dev/stdout``, is written to directly.

    Args:
        path (Path): The file, or a link to it.

    Yields:
        Path: Of the same name, in a folder beside it.

    Raises:
        Failure: If the file cannot be written.

    Examples:
        >>> with TemporaryDirectory() as folder:
        ...     with whole_file(Path(folder, "numbers.json")) as path:
        ...         _ = path.write_text("[1, 2]")
        ...     print([file.name for file in Path(folder).iterdir()])
        ['numbers.json']
    """
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        target = path.resolve()
        with TemporaryDirectory(prefix=".", dir=target.parent) as folder:
            scratch = Path(folder, target.name)
            yield scratch
            scratch.replace(target)
    except OSError as error:
        raise Failure(
            Exit.FILE, f"cannot write {path}: {error.strerror or error}"
        ) from error
