"""How long a training step and reading take: all encoders in turn, in one process."""

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple, TypeVar

import torch
from espnet2.asr.espnet_model import ESPnetASRModel
from evidence.batches import batches
from evidence.data import SAMPLE_RATE, load
from evidence.model import build_model, build_optimizer
from evidence.plan import ENCODERS, encoder_cell
from evidence.reading import read
from torch import Tensor
from torch.optim import Optimizer

STEPS, UTTERANCES, WARM_UP = 40, 40, 5
ANY_RATE = 0.001  # of learning; it costs nothing

T = TypeVar("T")


class Runner(NamedTuple):
    """A model, and what trains it."""

    model: ESPnetASRModel
    optimizer: Optimizer


def measure() -> dict[str, dict[str, float]]:
    """Time every encoder with one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    runners = {name: make_runner(name) for name in ENCODERS}
    steps = _time_steps(runners)
    factors = _time_reading(runners)
    return {
        name: {
            "step_ms": round(1000 * median(steps[name]), 1),
            "real_time_factor": round(median(factors[name]), 5),
        }
        for name in runners
    }


def make_runner(name: str) -> Runner:
    """Build an encoder's model and optimizer."""
    cell = encoder_cell("encoder", name, 0, ANY_RATE)
    model = build_model(cell)
    return Runner(model, build_optimizer(cell, model)[0])


def _time_steps(runners: dict[str, Runner]) -> dict[str, list[float]]:
    """Return the seconds of each step; all take the same batches."""
    for runner in runners.values():
        runner.model.train()
    return _in_turn(runners, _spread(batches("train", None), STEPS), step)


def step(runner: Runner, batch: dict[str, Tensor]) -> None:
    """Train for a step."""
    loss, _, _ = runner.model(**batch)
    runner.optimizer.zero_grad()
    loss.backward()
    runner.optimizer.step()


def _time_reading(runners: dict[str, Runner]) -> dict[str, list[float]]:
    """Return the seconds for a second of each utterance, the same for all."""
    for runner in runners.values():
        runner.model.eval()
    utterances = _spread(load("test", None), UTTERANCES)
    spoken = [speech for speech, _ in utterances]
    seconds = _in_turn(runners, spoken, lambda runner, s: read(runner.model, s))
    lengths = [len(speech) / SAMPLE_RATE for speech in spoken[WARM_UP:]]
    return {
        name: [took / length for took, length in zip(values, lengths)]
        for name, values in seconds.items()
    }


def _spread(items: list[T], count: int) -> list[T]:
    """Return ``count`` items, and those to warm up with, from short to long."""
    count += WARM_UP
    return [items[index * len(items) // count] for index in range(count)]


def _in_turn(
    runners: dict[str, Runner], items: list[T], run: Callable[[Runner, T], object]
) -> dict[str, list[float]]:
    """Return the seconds of each item without the first ones, which warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for item in items:
        for name, runner in runners.items():
            began = time.perf_counter()
            run(runner, item)
            seconds[name].append(time.perf_counter() - began)
    return {name: values[WARM_UP:] for name, values in seconds.items()}
