"""Read an archive that may be anything, without much of it in memory.

``tarfile`` reads a member's name and attributes whole, however long the archive says
that they are. A file opened here cannot be read so.
"""

import gzip
import io
import tarfile

LARGEST = 1 << 20  # bytes


class SmallReads(io.FileIO):
    """A file of which nobody can read much at once."""

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does; raise ``tarfile.ReadError`` if it is more than 1 MiB."""
        return super().read(_checked(size)) or b""


class SmallGzipReads(gzip.GzipFile):
    """The same, of a gzip file."""

    def read(self, size: int | None = -1) -> bytes:
        """Read as ``gzip.GzipFile`` does; raise as ``SmallReads`` does."""
        return super().read(_checked(size))


def _checked(size: int | None) -> int:
    if size is None or not 0 <= size <= LARGEST:
        raise tarfile.ReadError(
            f"a header of {size} bytes, where at most {LARGEST} are allowed"
        )
    return size
