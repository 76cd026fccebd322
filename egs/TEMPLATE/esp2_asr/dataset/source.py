"""Get the recordings: from a path, from an archive in downloads/, or from the web."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from .archive import extract_recordings
from .check import check_recordings
from .config import CONFIG
from .download import download
from .file_size import check_size
from .recordings import is_wanted
from .whole_folder import whole_folder


def collect_recordings(
    source: str | Path | None, recipe_dir: Path, notices: Sequence[Path] = ()
) -> None:
    """Put the recordings into the recipe's downloads folder, all or none.

    They come from ``source``, else from an archive in ``downloads/``, else from the
    web.

    Args:
        source: An archive or a folder of the data set; none if empty or None. In
            conf/training.yaml it is what an environment variable says.
        recipe_dir: The recipe.
        notices: Files that go with every copy, such as a licence.

    Raises:
        FileNotFoundError: If ``source`` does not exist.
        RuntimeError: If the recordings cannot be had, or are not those expected.
    """
    path = Path(source).expanduser().absolute() if source else None
    path = path or _archive_in(recipe_dir / CONFIG.downloads_dir)
    with whole_folder(recipe_dir / CONFIG.recordings_dir) as folder:
        if path is None:
            _download_recordings(folder)
        elif path.is_dir():
            _copy_recordings(path, folder)
        elif path.is_file():
            extract_recordings(path, folder, str(path))
        else:
            raise FileNotFoundError(
                f"create_dataset.source (or the variable {CONFIG.source.variable}) "
                f"names {path}, which does not exist. {CONFIG.source.advice}"
            )
        check_recordings(folder, str(path or CONFIG.source.url))
        for notice in notices:
            shutil.copyfile(notice, folder / notice.name)


def _archive_in(downloads: Path) -> Path | None:
    archives = [*downloads.glob("*.tar"), *downloads.glob("*.tar.gz")]
    return min(archives, default=None)


def _download_recordings(folder: Path) -> None:
    archive = folder / "archive"
    download(CONFIG.source.url, archive)
    extract_recordings(archive, folder, CONFIG.source.url)
    archive.unlink()


def _copy_recordings(source: Path, folder: Path) -> None:
    """Copy the recordings of a folder, wherever in it they are."""
    for path in sorted(source.rglob("*")):
        if is_wanted(path.name) and path.is_file():
            check_size(path.name, path.stat().st_size, str(source))
            shutil.copyfile(path, folder / path.name)
