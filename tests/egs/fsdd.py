"""A data set of the same layout as FSDD, small and made of noise."""

import wave
from hashlib import sha256, shake_256
from pathlib import Path

import numpy as np

RECIPE = Path(__file__).parents[2] / "egs" / "fsdd" / "esp2_asr"
SPEAKERS = ("ann", "bob", "cat")
NUM_PER_DIGIT = 4
SMALL = {
    "source": {
        "speakers": list(SPEAKERS),
        "num_per_digit": NUM_PER_DIGIT,
        "digest": "4b9e912c36bc2af06c6094b80880a543d3b46615afd515f2336d41e6db643f87",
    },
    "splits": {
        "train": {"takes": [2, 3], "strings": 24},
        "valid": {"takes": [1, 1], "strings": 10},
        "test": {"takes": [0, 0], "strings": 12},
        "long": {"takes": [0, 0], "strings": 3},
    },
    "unseen": {"takes": [0, 3], "strings": 8},
}


def samples_of(name: str) -> np.ndarray:
    """Return 30 ms of quiet noise, then loud noise; another one for each name."""
    length = 480 + sha256(name.encode()).digest()[0]
    noise = np.frombuffer(shake_256(name.encode()).digest(2 * length), "<i2")
    return np.concatenate([noise[:240] // 1024, noise[240:] // 4])


def write_recordings(folder: Path) -> list[Path]:
    """Write the recordings into a new folder."""
    folder.mkdir(parents=True)
    paths = []
    for speaker in SPEAKERS:
        for digit in range(10):
            for index in range(NUM_PER_DIGIT):
                path = folder / f"{digit}_{speaker}_{index}.wav"
                with wave.open(str(path), "wb") as wav:
                    wav.setparams((1, 2, 8000, 0, "NONE", ""))
                    wav.writeframes(samples_of(path.stem).astype("<i2").tobytes())
                paths.append(path)
    return paths
