"""Take the recordings out of an archive."""

import shutil
from pathlib import Path

from .config import CONFIG
from .file_size import check_size
from .recordings import is_wanted
from .tar_file import DAMAGED, opened_tar


def extract_recordings(archive: Path, folder: Path, origin: str) -> None:
    """Write the recordings of an archive into a folder.

    Only files with the name of a recording are taken, whatever folder of the archive
    they are in, so that no archive can write anywhere else.

    Args:
        archive: A tar file, as it is or compressed with gzip.
        folder: The folder.
        origin: Where the archive comes from, for the message.

    Raises:
        RuntimeError: If it cannot be read to its end, or a recording is too large.
    """
    try:
        with opened_tar(archive) as tar:
            for member in tar:
                name = Path(member.name).name
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None and is_wanted(name):
                    check_size(member.name, member.size, origin)
                    with (folder / name).open("wb") as file:
                        shutil.copyfileobj(content, file)
    except DAMAGED as error:
        raise RuntimeError(
            f"{origin} is cut short, damaged or no {CONFIG.source.kind} archive "
            f"({error}). {CONFIG.source.advice}"
        ) from error
