"""Print the words of a recording as they come: onnxruntime and NumPy alone.

python live_onnx.py asr.onnx speech.wav
"""

import json
import sys
import wave
from collections.abc import Iterable, Iterator
from itertools import batched, chain
from typing import Any

import numpy as np
import onnxruntime

Settings = dict[str, Any]


def log_mel_filters(meta: Settings) -> np.ndarray:
    """Return triangles on Slaney's scale, (n_fft // 2 + 1, n_mels), as librosa does."""
    assert not meta["htk"], "this program knows Slaney's mel scale only"
    ends = np.array([meta["fmin"], meta["fmax"]])
    mel = np.where(
        ends < 1000, ends / 200 * 3, 15 + 27 * np.log(ends.clip(1) / 1000) / np.log(6.4)
    )
    mel = np.linspace(mel[0], mel[1], meta["n_mels"] + 2)
    corners = np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
    bins = np.linspace(0, meta["sampling_rate"] / 2, meta["n_fft"] // 2 + 1)[:, None]
    low, middle, high = corners[:-2], corners[1:-1], corners[2:]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return np.minimum(rise, fall).clip(0) * 2 / (high - low)


def read_features(pieces: Iterable[np.ndarray], meta: Settings) -> Iterator[np.ndarray]:
    """Yield features, (n_mels,), as soon as the samples of their window are there."""
    n_fft, hop, filters = meta["n_fft"], meta["hop_length"], log_mel_filters(meta)
    pad = n_fft // 2 if meta["center"] else 0
    before = (n_fft - meta["win_length"]) // 2
    after = n_fft - meta["win_length"] - before
    name = meta["window"] or "ones"
    taper = getattr(np, "hanning" if name == "hann" else name)
    window = np.pad(taper(meta["win_length"] + 1)[:-1], (before, after))
    window /= np.sqrt(n_fft) if meta["normalized"] else 1
    kept, has_begun = np.zeros(0), False
    for piece in chain(pieces, [None]):
        if piece is not None:
            kept = np.concatenate([kept, piece])
        if not has_begun and len(kept) > pad:
            kept, has_begun = np.concatenate([kept[pad:0:-1], kept]), True
        if piece is None and has_begun:
            kept = np.concatenate([kept, kept[-2 : -pad - 2 : -1]])
        # One sample more is kept, for the reflection at the end.
        while has_begun and len(kept) >= n_fft + (piece is not None):
            power = np.abs(np.fft.rfft(kept[:n_fft] * window)) ** 2
            log_mel = np.log(np.maximum(power @ filters, 1e-10))
            log_mel /= np.log(meta["log_base"] or np.e)
            yield (log_mel - meta["mean"]) / meta["std"]
            kept = kept[hop:]


def read_log_probs(
    features: Iterable[np.ndarray], session: Any, meta: Settings
) -> Iterator[np.ndarray]:
    """Yield CTC's log posteriors, (tokens,), of the frames of the recording."""
    names = [f"state.{state['name']}" for state in meta["states"]]
    states = [np.zeros(s["shape"], s["dtype"]) for s in meta["states"]]
    nothing: list[tuple[np.ndarray, ...]] = [()] * meta["flush"]
    for chunk in chain(batched(features, meta["chunk"]), nothing):
        padded = np.zeros((1, meta["chunk"], meta["n_mels"]), np.float32)
        padded[0, : len(chunk)] = chunk or 0
        feed = {"features": padded, "n_features": np.array([len(chunk)])}
        log_probs, valid, *states = session.run(None, feed | dict(zip(names, states)))
        yield from log_probs[valid]


def read_tokens(log_probs: Iterable[np.ndarray], meta: Settings) -> Iterator[str]:
    """Yield the likeliest tokens, repetitions merged and blanks removed."""
    last = meta["blank"]
    for frame in log_probs:
        best = int(frame.argmax())
        if best not in (last, meta["blank"]):
            yield meta["tokens"][best]
        last = best


def load(path: str) -> tuple[Any, Settings]:
    """Return a model and its settings."""
    session = onnxruntime.InferenceSession(path)
    stored = session.get_modelmeta().custom_metadata_map["streaming"]
    return session, json.loads(stored)


def main(model: str, audio: str) -> None:
    """Print the words of an audio file: one channel, 16 bits."""
    session, meta = load(model)
    with wave.open(audio) as file:
        assert file.getparams()[:3] == (1, 2, meta["sampling_rate"])
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    pieces = np.split(samples, range(800, len(samples), 800))
    log_probs = read_log_probs(read_features(pieces, meta), session, meta)
    for token in read_tokens(log_probs, meta):
        text = token.replace("<space>", " ").replace("\u2581", " ")
        print(text, end="", flush=True)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:])
