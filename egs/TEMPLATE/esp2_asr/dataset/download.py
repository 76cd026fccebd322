"""Download a file."""

from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from tqdm import tqdm

from .config import CONFIG

CHUNK = 1 << 16  # bytes
TIMEOUT = 30  # seconds without an answer


def download(url: str, target: Path) -> None:
    """Write what is at a URL into a file, with a progress bar.

    Raises:
        RuntimeError: If not all of it can be had.
    """
    try:
        with urlopen(url, timeout=TIMEOUT) as response, target.open("wb") as file:
            size = response.length  # None where the server does not tell
            with tqdm(desc=url, total=size, unit="B", unit_scale=True) as progress:
                while chunk := response.read(CHUNK):
                    file.write(chunk)
                    progress.update(len(chunk))
            if response.length:
                raise OSError(f"it broke off {response.length} bytes before the end")
    except (OSError, HTTPException) as error:
        raise RuntimeError(
            f"cannot download {url}: {error}. {CONFIG.source.advice}"
        ) from error
