"""Read a recording, or say why it is not one that the recipe takes."""

import wave
from pathlib import Path

import numpy as np

SHORTEST = 50  # milliseconds; no word is as short


def read_wav(path: Path, sample_rate: int) -> np.ndarray:
    """Return the samples of a WAV file.

    Args:
        path: The file: 16 bits, one channel.
        sample_rate: The only one allowed, in Hz.

    Returns:
        16-bit integers, (samples,).

    Raises:
        ValueError: If the file is another kind of file, is cut short, is shorter than
            50 ms or has another sampling rate.
    """
    try:
        with wave.open(str(path), "rb") as wav:
            found = wav.getparams()
            content = wav.readframes(found.nframes)
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no whole 16-bit WAV file: {error!r}") from error
    _require(path, "bits", 8 * found.sampwidth, 16)
    _require(path, "channels", found.nchannels, 1)
    _require(path, "sampling rate in Hz", found.framerate, sample_rate)
    _require(path, "samples that the header promises", len(content) // 2, found.nframes)
    fewest = SHORTEST * sample_rate // 1000
    if found.nframes < fewest:
        raise ValueError(
            f"{path} is too short: {found.nframes} samples, of which there must be "
            f"{fewest} ({SHORTEST} ms) at least"
        )
    return np.frombuffer(content, "<i2").astype(np.int16)


def _require(path: Path, what: str, found: int, allowed: int) -> None:
    if found != allowed:
        raise ValueError(f"{path}: {what}: found {found}, must be {allowed}")
