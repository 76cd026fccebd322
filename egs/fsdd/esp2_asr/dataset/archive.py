"""Take the recordings out of an archive."""

import gzip
import shutil
import tarfile
import zlib
from pathlib import Path

from .check import check_size
from .config import CONFIG
from .recordings import all_recordings
from .small_reads import SmallReads


def extract_recordings(archive: Path, folder: Path, origin: str) -> None:
    """Write the recordings of an archive into a folder.

    Only files with the name of a recording are taken, whatever folder of the archive
    they are in, so that no archive can write anywhere else.

    Args:
        archive: A tar file compressed with gzip.
        folder: The folder.
        origin: Where the archive comes from, for the message.

    Raises:
        RuntimeError: If it cannot be read to its end, or a recording is too large.
    """
    wanted = {recording.file_name for recording in all_recordings()}
    try:
        with (
            SmallReads(archive) as unzipped,
            tarfile.open(fileobj=unzipped, mode="r:") as tar,
        ):
            for member in tar:
                name = Path(member.name).name
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None and name in wanted:
                    check_size(member.name, member.size, origin)
                    with (folder / name).open("wb") as file:
                        shutil.copyfileobj(content, file)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RuntimeError(
            f"{origin} is cut short, damaged or no .tar.gz archive ({error}). "
            f"{CONFIG.source.advice}"
        ) from error
