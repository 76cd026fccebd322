"""Whatever a YAML says of the encoder: it trains, or is refused with the key."""

from typing import Any, Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from espnet_residuals import S4Encoder, registry
from espnet_residuals.config import shown
from espnet_residuals.layers import layer_registry
from tests.fuzz.configurations import (
    Case,
    cases,
    declared_options,
    odd_cases,
    steps_of,
)
from tests.fuzz.worker import Outcome, Worker

SECONDS = 5
GIB = 1.0


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    started = Worker()
    yield started
    started.close()


@pytest.mark.long
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(cases())
def test_every_configuration_trains_or_is_refused_by_key(
    worker: Worker, case: Case
) -> None:
    check(worker.run(case), case)


@pytest.mark.long
def test_each_odd_value_of_each_option_alone(worker: Worker) -> None:
    faults = []
    for option, case in odd_cases():
        outcome = worker.run(case)
        try:
            check(outcome, case)
            # Torch refuses sizes and devices by itself, of the whole layer.
            key = outcome.key or option
            assert key.startswith(option.rpartition(".")[0]), key
        except AssertionError as error:
            faults.append(f"{option}: {shown(case.encoder_conf)}: {error}")
    assert not faults, "\n".join(faults)


def check(outcome: Outcome, case: Case) -> None:
    """Fail unless a case trained, or was refused by a key, quickly and in little."""
    assert not outcome.said, outcome.said
    assert outcome.seconds < SECONDS and outcome.memory < GIB, outcome
    if outcome.key is not None:
        assert_stands_in(case.encoder_conf, outcome.key)


def assert_stands_in(encoder_conf: dict[str, Any], key: str) -> None:
    """Fail unless a key path leads to an option that is given, or has a default."""
    first, *steps = steps_of(key)
    assert first == "encoder_conf" and steps, key
    value: Any = encoder_conf
    for i, step in enumerate(steps):
        names = {str(name): name for name in value} if isinstance(value, dict) else {}
        if step in names:
            value = value[names[str(step)]]
        elif isinstance(step, int) and isinstance(value, list):
            value = value[step]
        else:
            assert i == len(steps) - 1 and step in defaults_of(value), key
            return


def defaults_of(config: Any) -> dict[str, Any]:
    """Return the options of the class that is named, or those of the encoder."""
    name = config.get("_name_") if isinstance(config, dict) else config
    if not isinstance(name, str):
        return declared_options(S4Encoder, ())
    classes = layer_registry if name in layer_registry else registry
    return declared_options(classes[name], ())
