"""How late words come in the digits recipe: delays that are known are found again."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from espnet_residuals.inference import Speech2TextStreaming
from tests.egs.fsdd import RECIPE
from tests.egs.recipe import importable
from tests.streaming.models import MODEL, build_model

SPACE = "▁"
LENGTH = 8_000
Load = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def src() -> Iterator[Load]:
    """Return what imports modules of the recipe's folder src."""
    with importable(RECIPE) as load:
        yield load


@pytest.fixture(scope="module")
def recogniser() -> Speech2TextStreaming:
    """Return a random model that looks ahead and writes words of single letters."""
    tokens = [SPACE if t == "<space>" else t for t in MODEL["token_list"]]
    layers = ["s4d", {"_name_": "conv", "kernel": 5, "look_ahead": 1}]
    model, args = build_model(
        token_list=tokens,
        token_type=None,
        encoder_conf={**MODEL["encoder_conf"], "layer": layers},
    )
    with torch.no_grad():  # so that it writes several words
        model.ctc.ctc_lo.bias[tokens.index(SPACE)] += 0.8
    return Speech2TextStreaming(asr_model=model, asr_train_args=args, dtype="float64")


def words_as_they_come(
    recogniser: Speech2TextStreaming, samples: torch.Tensor, piece: int
) -> list[tuple[str, int]]:
    """Feed pieces; return each word with the samples fed when its last letter came."""
    letters: list[tuple[str, int]] = []
    for start in range(0, len(samples), piece):
        (result,) = recogniser(samples[start : start + piece], is_final=False)
        new = result.tokens[len(letters) :]
        letters += [(token, start + piece) for token in new]
    recogniser.reset()
    words = [
        list(group)
        for space, group in groupby(letters, lambda x: x[0] == SPACE)
        if not space
    ]
    return [("".join(token for token, _ in word), word[-1][1]) for word in words]


@pytest.mark.parametrize("piece", [101, 256, 700])
def test_words_arrive_when_pieces_fed_one_by_one_bring_them(
    src: Load, recogniser: Speech2TextStreaming, piece: int
) -> None:
    samples = torch.randn(LENGTH, dtype=torch.float64)
    fed = words_as_they_come(recogniser, samples, piece)
    (result,) = recogniser(samples)
    found = src("arrival").arrivals(result, recogniser.acoustic_model, piece)
    # The last word fed may go on, as more samples would show.
    assert len(fed) > 1
    assert [tuple(arrival) for arrival in found[: len(fed) - 1]] == fed[:-1]
    assert all(a.samples > LENGTH - piece for a in found[len(fed) :])


@pytest.mark.parametrize(
    "said, read, times",
    [
        ("ONE TWO SIX", "ONE TWO SIX", [10, 20, 30]),
        ("ONE TWO SIX", "ONE SIX", [10, None, 20]),
        ("ONE TWO SIX", "ONE TEN SIX", [10, None, 30]),
        ("ONE SIX", "ONE TEN TWO SIX", [10, 40]),
        ("ONE SIX", "", [None, None]),
    ],
)
def test_only_words_that_were_read_right_have_a_time(
    src: Load, said: str, read: str, times: list[int | None]
) -> None:
    arrival = src("arrival")
    found = [arrival.Arrival(w, 10 * i) for i, w in enumerate(read.split(), start=1)]
    assert arrival.arrivals_of(said.split(), found) == times


class Late:
    """Reads words that it knows, each so many frames of 1 ms after its end."""

    acoustic_model = SimpleNamespace(samples_per_frame=8, delay=800)  # 100 ms

    def __init__(self, texts: Sequence[str], last_frames: Sequence[list[int]]) -> None:
        self.left = list(zip(texts, last_frames, strict=True))

    def __call__(self, speech: np.ndarray) -> list[Any]:
        text, last_frames = self.left.pop(0)
        tokens: list[str] = []
        frames: list[int] = []
        for word, last in zip(text.split(), last_frames, strict=True):
            tokens += [SPACE, *word]
            frames += range(last - len(word), last + 1)
        hypothesis = SimpleNamespace(states={"frames": frames})
        return [SimpleNamespace(text=text, tokens=tokens, hypothesis=hypothesis)]


def test_delays_that_are_known_are_found_again(src: Load) -> None:
    """Words end at 1000, 2000, ... ms and begin 400 ms before."""
    lateness = src("lateness")
    bounds = [(8 * (1000 * i - 400), 8 * 1000 * i) for i in (1, 2, 3)]
    said = [
        lateness.Said(np.zeros(32_000, np.float32), text, bounds)
        for text in ("ONE TWO SIX", "SIX TWO ONE")
    ]
    delays = [[40, 200, -60], [300, 500]]  # beyond the 100 ms that a frame waits
    frames = [[1040, 2200, 2940], [1300, 3500]]
    measured = lateness.measure_lateness(
        Late(["ONE TWO SIX", "SIX ONE"], frames), said, piece=8
    )
    assert measured.wer == pytest.approx(100 / 6)
    assert measured.word == [100 + delay for delay in sum(delays, [])]
    assert measured.first == [400 + 140, 400 + 400]
    in_pieces = lateness.measure_lateness(
        Late(["ONE TWO SIX", "SIX ONE"], frames), said, piece=8 * 40
    )
    assert in_pieces.word == [160, 320, 40, 400, 600]  # multiples of 40 ms


def test_first_word_read_wrong_is_left_out(src: Load) -> None:
    lateness = src("lateness")
    said = [lateness.Said(np.zeros(8_000), "ONE TWO", [(0, 800), (1600, 2400)])]
    measured = lateness.measure_lateness(Late(["TEN TWO"], [[50, 400]]), said, 8)
    assert measured.word == [400 + 100 - 300]
    assert measured.first == []


def test_computing_is_that_of_pieces_and_of_the_end(
    src: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    lateness, clock = src("lateness"), SimpleNamespace(now=0.0)
    monkeypatch.setattr(lateness.time, "perf_counter", lambda: clock.now)

    def speech2text(samples: Any, is_final: bool) -> None:
        clock.now += 0.5 if is_final else 0.01 * len(samples) / 160

    said = [lateness.Said(np.zeros(8_000, np.float32), "", [])] * 100
    monkeypatch.setattr(lateness, "TIMED", 3)
    computing = lateness.measure_computing(speech2text, said, piece=160)
    assert computing.end == pytest.approx([500] * 3)
    assert computing.real_time_factor == pytest.approx(1.0)


def test_line_of_the_table(src: Load) -> None:
    lateness = src("lateness")
    line = lateness.format_row(
        "streaming_320",
        "test",
        320.0,
        lateness.Lateness(1.234, [400.0] * 50 + [600.0] * 50, [900.0]),
        lateness.Computing(0.1234, [3.0, 5.0, 9.0]),
    )
    cells = line.strip("| ").split(" | ")
    assert len(cells) == len(lateness.COLUMNS)
    assert cells[:4] == ["streaming_320", "test", "1.23", "320"]
    assert cells[4:8] == ["500", "600", "180", "280"]
    assert cells[8:] == ["900", "900", "5", "0.12"]
