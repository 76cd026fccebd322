"""Write a file completely, or leave what is there as it is."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Iterator

from espnet_residuals.probe.failure import Exit, Failure


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
