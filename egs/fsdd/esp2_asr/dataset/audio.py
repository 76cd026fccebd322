"""Line recordings up to one utterance, with pauses; in integers only."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .config import CONFIG
from .random_numbers import draw

PIECE = CONFIG.pauses.piece * CONFIG.sample_rate // 1000  # samples


def lay_out(
    recordings: Sequence[np.ndarray],
    silence: np.ndarray,
    numbers: np.random.RandomState,
) -> list[np.ndarray]:
    """Return a pause, the first recording, a pause, and so on to the last pause.

    Args:
        recordings: Samples of each digit, 16-bit integers.
        silence: What pauses are made of, from ``quiet_pieces``.
        numbers: Where chance comes from.
    """
    parts = [_pause(CONFIG.pauses.edge, silence, numbers)]
    for position, recording in enumerate(recordings, start=1):
        is_last = position == len(recordings)
        bounds = CONFIG.pauses.edge if is_last else _between_digits(numbers)
        parts += [recording, _pause(bounds, silence, numbers)]
    return parts


def quiet_pieces(recordings: Sequence[np.ndarray]) -> np.ndarray:
    """Return silence as it sounds between the words of these recordings.

    Of each recording it is the piece of 20 ms with the least power (without the mean,
    as one speaker's recordings have an offset), and of these the quietest tenth: most
    recordings are cut so tightly that even their quietest piece holds speech.

    Returns:
        Samples, (pieces, PIECE).
    """
    pieces = [_quietest_piece(recording) for recording in recordings]
    pieces.sort(key=_power)
    return np.stack(pieces[: -(-len(pieces) // CONFIG.pauses.quietest_one_in)])


def write_wav(path: Path, samples: np.ndarray) -> None:
    """Write 16-bit samples after the shortest header that the format allows."""
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(CONFIG.sample_rate)
        wav.writeframes(samples.astype("<i2").tobytes())


def _between_digits(numbers: np.random.RandomState) -> Sequence[int]:
    is_long = draw(numbers, (1, CONFIG.pauses.long_one_in)) == 1
    return CONFIG.pauses.long if is_long else CONFIG.pauses.short


def _pause(
    bounds: Sequence[int], silence: np.ndarray, numbers: np.random.RandomState
) -> np.ndarray:
    """Return pieces of silence; bounds in milliseconds."""
    length = draw(numbers, bounds) * CONFIG.sample_rate // 1000
    choice = numbers.randint(len(silence), size=-(-length // PIECE), dtype=np.int64)
    return silence[choice].reshape(-1)[:length]


def _quietest_piece(recording: np.ndarray) -> np.ndarray:
    pieces = recording[: len(recording) // PIECE * PIECE].reshape(-1, PIECE)
    return min(pieces, key=_power)


def _power(piece: np.ndarray) -> int:
    """Return the variance, times a constant that makes it an integer."""
    values = piece.astype(np.int64)
    return int(len(values) * (values**2).sum() - values.sum() ** 2)
