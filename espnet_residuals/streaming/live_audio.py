"""Samples as they come, from a file or from standard input."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from espnet_residuals.instruments.failure import Exit, Failure

# Seconds, of what is read from a file at once, and from a pipe at most.
OF_A_FILE, OF_A_PIPE = 1.0, 0.1


def file_pieces(path: Path, sampling_rate: int) -> Iterator[np.ndarray]:
    """Return the samples of an audio file, piece by piece.

    Args:
        path (Path): The file; of several channels the first is taken.
        sampling_rate (int): Samples a second that it must have.

    Yields:
        np.ndarray: Samples from -1 to 1, (length,).

    Raises:
        Failure: If the file cannot be read or has another rate.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            if file.samplerate != sampling_rate:
                raise Failure(
                    Exit.USAGE,
                    f"{path} has {file.samplerate} samples a second, the model expects "
                    f"{sampling_rate}; convert it",
                )
            length = max(1, int(OF_A_FILE * sampling_rate))
            for block in file.blocks(length, dtype="float32", always_2d=True):
                yield block[:, 0]
    except (OSError, RuntimeError) as error:
        raise Failure(Exit.FILE, f"cannot read {path}: {error}") from error


def pipe_pieces(pipe: BinaryIO, sampling_rate: int) -> Iterator[np.ndarray]:
    """Return the samples of a pipe as soon as they are there.

    Args:
        pipe (BinaryIO): Raw samples: one channel, signed, 16 bits, little-endian.
        sampling_rate (int): Samples a second.

    Yields:
        np.ndarray: Samples from -1 to 1, (length,).
    """
    size, rest = 2 * max(1, int(OF_A_PIPE * sampling_rate)), b""
    read = getattr(pipe, "read1", pipe.read)
    while data := read(size):
        data = rest + data
        whole = len(data) - len(data) % 2
        rest = data[whole:]
        yield np.frombuffer(data[:whole], "<i2").astype(np.float32) / 32768
