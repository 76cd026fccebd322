"""The errors that tell the reader of a YAML what is wrong, and where."""

import copy
import pickle
from typing import Callable

import pytest

from espnet_residuals.config import ConfigError, UnknownNameError


def test_error_is_a_value_error_with_key_and_problem() -> None:
    error = ConfigError("power", "must be >= 0, got -1")
    assert isinstance(error, ValueError)
    assert str(error) == "power: must be >= 0, got -1"
    assert str(ConfigError("", "nothing fits")) == "nothing fits"


def test_key_path_grows_from_the_inside_out() -> None:
    error = (
        ConfigError("power", "must be >= 0").within("residual").within("conf", "why")
    )
    assert str(error) == "conf.residual.power: must be >= 0 (why)"
    assert str(ConfigError("", "nothing fits").within("conf")) == "conf: nothing fits"


@pytest.mark.parametrize(
    "error", [ConfigError("power", "too small"), UnknownNameError("unknown 'x'")]
)
@pytest.mark.parametrize(
    "duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_error_crosses_process_borders_with_its_message(
    error: Exception, duplicate: Callable[[Exception], Exception]
) -> None:
    """Worker processes send exceptions by pickle."""
    twin = duplicate(error)
    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert vars(twin) == vars(error)


def test_unknown_name_error_shows_its_message_without_quotes() -> None:
    assert isinstance(UnknownNameError("unknown 'x'"), KeyError)
    assert str(UnknownNameError("unknown 'x'")) == "unknown 'x'"
