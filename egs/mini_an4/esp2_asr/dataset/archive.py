"""Find the archive of mini_an4 inside the installed ESPnet and unpack it."""

import tarfile
from importlib import resources
from pathlib import Path

from .config import CONFIG
from .tar_file import DAMAGED, opened_tar
from .whole_folder import whole_folder


def find_archive(package: str, file_name: str) -> Path:
    """Return the path of ``file_name`` in the folder of an installed package."""
    try:
        archive = Path(str(resources.files(package) / file_name))
    except ModuleNotFoundError:
        archive = Path(package.replace(".", "/"), file_name)
    if not archive.is_file():
        raise FileNotFoundError(
            f"the mini_an4 archive {archive} is missing from this Python "
            "environment; ESPnet 202611 brings it, so reinstall ESPnet"
        )
    return archive


def extract_archive(archive: Path, target: Path) -> None:
    """Unpack ``archive`` into the new folder ``target``, completely or not at all."""
    try:
        with whole_folder(target) as folder, opened_tar(archive) as tar:
            tar.extractall(folder, filter=_without_top_folder)
    except DAMAGED as error:
        raise RuntimeError(
            f"the mini_an4 archive {archive} is damaged ({error}); reinstall ESPnet"
        ) from error


def _without_top_folder(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    """Drop the leading folder of a member's name, then apply the "data" filter.

    Raises:
        tarfile.ReadError: If the member is larger than any of the corpus.
    """
    if member.size > CONFIG.archive.max_bytes:
        raise tarfile.ReadError(
            f"{member.name} has {member.size} bytes, where a file has "
            f"{CONFIG.archive.max_bytes} at most"
        )
    _, _, name = member.name.partition("/")
    return tarfile.data_filter(member.replace(name=name), path) if name else None
