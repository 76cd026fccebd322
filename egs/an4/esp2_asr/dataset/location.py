"""Where the manifests are: one folder for each choice of test speakers."""

from pathlib import Path

from .splits import check_fold


def manifest_folder(data: Path, fold: int | None) -> Path:
    """Return the folder of a fold's manifests, or of the data set's own splits.

    Raises:
        ValueError: If there is no such fold.
    """
    check_fold(fold)
    return data if fold is None else data / f"fold_{fold}"
