"""Open a tar file that may be anything, compressed or not."""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .small_reads import SmallGzipReads, SmallReads

GZIP = b"\x1f\x8b"  # how every gzip file begins

# What reading an archive raises that is cut short, damaged or none.
DAMAGED = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


@contextmanager
def opened_tar(archive: Path) -> Iterator[tarfile.TarFile]:
    """Yield a tar file, to be read from its beginning; as it is or gzipped."""
    with archive.open("rb") as file:
        is_zipped = file.read(len(GZIP)) == GZIP
    with (
        SmallGzipReads(archive) if is_zipped else SmallReads(archive) as content,
        tarfile.open(fileobj=content, mode="r:") as tar,
    ):
        yield tar
