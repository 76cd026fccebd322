"""Draw the course of a training and a look inside: ``python -m src.figures --help``."""

import argparse
from itertools import groupby
from pathlib import Path

import soundfile
import torch
from espnet3.systems.esp2_asr.task import ASRTask
from src.greedy import SPACE, encode_posteriors
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from espnet_residuals.instruments.showing.plot_style import (
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    new_figure,
    styled,
)

PERCENTS = (0.5, 1, 2, 5, 10, 20, 50, 100)


def main() -> None:
    """Write history.png and posteriors.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exp_dir", type=Path)
    parser.add_argument("wav", type=Path, help="the utterance to look at")
    parser.add_argument("--to", type=Path, default=Path("."), help="the folder of both")
    args = parser.parse_args()
    args.to.mkdir(parents=True, exist_ok=True)
    with styled():
        draw_history(args.exp_dir / "tensorboard", args.to / "history.png")
        draw_posteriors(args.exp_dir, args.wav, args.to / "posteriors.png")


def draw_history(tensorboard: Path, path: Path) -> None:
    """Draw the losses, and the word error rate of the valid split, over epochs."""
    newest = max(tensorboard.rglob("events.out.tfevents.*"))
    events = EventAccumulator(str(newest), size_guidance={"scalars": 0})
    events.Reload()
    steps_per_epoch = events.Scalars("valid/loss")[0].step + 1

    figure = new_figure(height=2.8)
    left, right = figure.subplots(1, 2)
    for axis, name, label, style in (
        (left, "train/loss", "train, single batches", {"color": GREY, "lw": 0.8}),
        (left, "valid/loss", "valid", {"color": BLUE, "marker": "o", "ms": 3}),
        (right, "valid/wer", "valid", {"color": VERMILION, "marker": "o", "ms": 3}),
    ):
        points = events.Scalars(name)
        epochs = [(point.step + 1) / steps_per_epoch for point in points]
        axis.plot(epochs, [point.value for point in points], label=label, **style)
        axis.set_yscale("log")
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    left.set_title("CTC loss of an utterance")
    left.legend()
    right.set_title("word error rate, valid strings")
    low, high = right.get_ylim()
    ticks = [tick for tick in PERCENTS if low <= tick <= high]
    right.set_yticks(ticks, [f"{tick:g} %" for tick in ticks])
    right.set_yticks([], minor=True)
    figure.savefig(path)


def draw_posteriors(exp_dir: Path, wav: Path, path: Path) -> None:
    """Draw a spectrogram, and below what CTC reads in each of its frames."""
    model, _ = ASRTask.build_model_from_file(
        exp_dir / "config.yaml", exp_dir / "valid.wer.ave_5best.pth"
    )
    model.eval()
    speech, rate = soundfile.read(wav, dtype="float32")
    batch = torch.from_numpy(speech)[None], torch.tensor([len(speech)])
    with torch.no_grad():
        features, _ = model.frontend(*batch)
        scores, _ = encode_posteriors(model, *batch)
    posteriors = scores[0].exp()
    seconds = len(speech) / rate
    times = (torch.arange(len(posteriors)) + 0.5) * seconds / len(posteriors)

    figure = new_figure(height=4)
    above, below = figure.subplots(2, sharex=True)
    above.imshow(features[0].T, extent=(0, seconds, 0, features.shape[-1]))
    above.grid(False)
    above.set_ylabel("mel band")
    above.set_title("log mel spectrogram")
    below.plot(times, posteriors[:, 0], color=GREY, lw=0.8)
    colors = (BLUE, VERMILION, GREEN)
    words = spoken_words(posteriors.argmax(dim=-1), model.token_list)
    for number, word in enumerate(words):
        color = colors[number % len(colors)]
        frames = [frame for frame, _ in word]
        heights = [posteriors[frame, token] for frame, token in word]
        below.vlines(times[frames], 0, heights, color, lw=2)
        letters = "".join(model.token_list[t] for t, _ in groupby(t for _, t in word))
        middle = float(times[frames].median())
        below.text(middle, 1.06, letters, color=color, ha="center", weight="bold")
    below.set_ylim(0, 1.25)
    below.set_ylabel("posterior")
    below.set_xlabel("time in seconds")
    below.set_title("CTC: the likeliest letter of each frame; grey: blank")
    figure.savefig(path)


def spoken_words(best: Tensor, tokens: list[str]) -> list[list[tuple[int, int]]]:
    """Return the words of the likeliest tokens: (frame, token) of each letter."""
    words: list[list[tuple[int, int]]] = [[]]
    for frame, token in enumerate(best.tolist()):
        if tokens[token] == SPACE:
            words.append([])
        elif token != 0:
            words[-1].append((frame, token))
    return [word for word in words if word]


if __name__ == "__main__":
    main()
