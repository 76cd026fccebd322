"""Get the recordings: from a path, from an archive in downloads/, or from the web."""

import shutil
from pathlib import Path

from .archive import extract_recordings
from .check import check_recordings, check_size
from .config import CONFIG
from .download import download
from .recordings import all_recordings
from .whole_folder import whole_folder


def collect_recordings(source: str | Path | None, recipe_dir: Path) -> None:
    """Put the recordings into the recipe's downloads folder, all or none.

    They come from ``source``, else from an archive in ``downloads/``, else from the
    web.

    Args:
        source: An archive or a folder of the data set; none if empty or None. In
            conf/training.yaml it is what the environment variable FSDD says.
        recipe_dir: The recipe.

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
                "create_dataset.source (or the variable FSDD) names "
                f"{path}, which does not exist. {CONFIG.source.advice}"
            )
        check_recordings(folder, str(path or CONFIG.source.url))


def _archive_in(downloads: Path) -> Path | None:
    return min(downloads.glob("*.tar.gz"), default=None)


def _download_recordings(folder: Path) -> None:
    archive = folder / "archive"
    download(CONFIG.source.url, archive)
    extract_recordings(archive, folder, CONFIG.source.url)
    archive.unlink()


def _copy_recordings(source: Path, folder: Path) -> None:
    """Copy the recordings of a folder, or of the folder ``recordings`` in it."""
    inner = source / "recordings"
    origin = inner if inner.is_dir() else source
    for recording in all_recordings():
        path = origin / recording.file_name
        if path.is_file():
            check_size(path.name, path.stat().st_size, str(source))
            shutil.copyfile(path, folder / path.name)
