"""Unpack an archive that may be anything, without much of it in memory."""

import gzip
import tarfile

LARGEST = 1 << 20  # bytes


class SmallReads(gzip.GzipFile):
    """A gzip file of which nobody can read much at once.

    ``tarfile`` reads a member's name and attributes whole, however long the archive
    says that they are.
    """

    def read(self, size: int | None = -1) -> bytes:
        """Read as ``gzip.GzipFile`` does.

        Raises:
            tarfile.ReadError: If it is more than 1 MiB.
        """
        if size is None or not 0 <= size <= LARGEST:
            raise tarfile.ReadError(
                f"a header of {size} bytes, where at most {LARGEST} are allowed"
            )
        return super().read(size)
