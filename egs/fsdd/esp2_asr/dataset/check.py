"""Tell whether recordings are those that the splits rely on."""

import hashlib
from pathlib import Path

from .config import CONFIG
from .recordings import all_recordings


def check_recordings(folder: Path, origin: str) -> None:
    """Raise unless a folder has all recordings, with the expected content.

    Args:
        folder: The folder.
        origin: Where they come from, for the message.

    Raises:
        RuntimeError: If recordings are missing or differ.
    """
    names = sorted(recording.file_name for recording in all_recordings())
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise RuntimeError(
            f"{origin} lacks {len(missing)} of {len(names)} recordings, such as "
            f"{', '.join(missing[:3])}. {CONFIG.source.advice}"
        )
    digest = digest_of(folder, names)
    if digest != CONFIG.source.digest:
        raise RuntimeError(
            f"{origin} has recordings of the right names, but not those of commit "
            f"{CONFIG.source.commit}: their digest is {digest}, expected "
            f"{CONFIG.source.digest}. {CONFIG.source.advice}"
        )


def digest_of(folder: Path, names: list[str]) -> str:
    """Return what ``sha256sum NAMES | sha256sum`` prints."""
    total = hashlib.sha256()
    for name in names:
        content = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        total.update(f"{content}  {name}\n".encode())
    return total.hexdigest()
