"""Refuse a file that is too large to be one of the data set."""

from .config import CONFIG


def check_size(name: str, size: int, origin: str) -> None:
    """Raise if a file is larger than any of the data set, before anybody reads it.

    Args:
        name: The file.
        size: In bytes.
        origin: Where it comes from, for the message.

    Raises:
        RuntimeError: If it is.
    """
    if size > CONFIG.source.max_bytes:
        raise RuntimeError(
            f"{origin} has a file {name} of {size} bytes, where a recording has "
            f"{CONFIG.source.max_bytes} at most. {CONFIG.source.advice}"
        )
