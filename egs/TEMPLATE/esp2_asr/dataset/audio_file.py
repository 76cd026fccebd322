"""Read a recording of the AN4 corpus, whichever format it has."""

from pathlib import Path

import numpy as np
import soundfile


def read_audio(path: Path, sample_rate: int) -> np.ndarray:
    """Return the samples of the first channel of a FLAC, NIST SPHERE or WAV file.

    Args:
        path: The file.
        sample_rate: The only one allowed, in Hz.

    Returns:
        16-bit integers, (samples,).

    Raises:
        ValueError: If the file is damaged or has another sampling rate.
    """
    try:
        samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} is no whole recording: {error}") from error
    if rate != sample_rate:
        raise ValueError(
            f"{path}: sampling rate in Hz: found {rate}, must be {sample_rate}"
        )
    return samples[:, 0]
