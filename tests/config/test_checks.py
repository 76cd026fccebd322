"""The checks of single options."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_flag,
    check_integer,
    check_number,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (0.5, 0.5),
        ("1e-3", 1e-3),
        ("2", 2.0),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (Fraction(1, 4), 0.25),
    ],
)
def test_number_comes_back_as_a_float(value: Any, number: float) -> None:
    result = check_number("lr", value)
    assert type(result) is float
    assert result == number


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        "nan",
        "-inf",
        "",
        "fast",
        None,
        True,
        1j,
        [1.0],
        10**400,
        Decimal(1),
    ],
    ids=repr,
)
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        check_number("lr", value)
    assert str(caught.value) == f"lr: must be a finite number, got {value!r}"


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "allowed"),
    [
        ({"minimum": 0}, [0, 1e9], [-1e-9], ">= 0"),
        ({"above": 0}, [1e-9], [0, -1], "> 0"),
        ({"maximum": 1}, [1, -5], [1.001], "<= 1"),
        ({"below": 1}, [0.999], [1, 2], "< 1"),
        ({"minimum": 0, "below": 1}, [0, 0.5], [-0.1, 1], ">= 0 < 1"),
    ],
)
def test_bounds_are_kept_and_told(
    bounds: dict[str, float], inside: list[float], outside: list[float], allowed: str
) -> None:
    for value in inside:
        assert check_number("rate", value, **bounds) == value
    for value in outside:
        with pytest.raises(ConfigError) as caught:
            check_number("rate", value, **bounds)
        message = f"rate: must be a finite number {allowed}, got {value!r}"
        assert str(caught.value) == message


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_integer_comes_back_as_an_int(value: Any) -> None:
    result = check_integer("num_blocks", value, minimum=1)
    assert type(result) is int and result == value


@pytest.mark.parametrize("value", [0, -3, 1.0, "2", None, True, float("nan"), [1]])
def test_what_is_no_integer_or_too_small_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        check_integer("num_blocks", value, minimum=1)
    assert str(caught.value) == f"num_blocks: must be an integer >= 1, got {value!r}"


@pytest.mark.parametrize("value", [True, False])
def test_flag_comes_back(value: bool) -> None:
    assert check_flag("prenorm", value) is value


@pytest.mark.parametrize("value", [0, 1, "true", "no", None, []])
def test_what_is_no_flag_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        check_flag("prenorm", value)
    assert str(caught.value) == f"prenorm: must be true or false, got {value!r}"


def test_choice_comes_back() -> None:
    assert check_choice("init", "inv", ("lin", "inv")) == "inv"
    assert check_choice("init", "inv", iter(("lin", "inv"))) == "inv"
    assert check_choice("norm", None, ("layer", None)) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("lim", "init: must be one of lin, legs, null, got 'lim'; did you mean 'lin'?"),
        ("zoh", "init: must be one of lin, legs, null, got 'zoh'"),
        (3, "init: must be one of lin, legs, null, got 3"),
        (["lin"], "init: must be one of lin, legs, null, got ['lin']"),
    ],
)
def test_what_is_no_choice_is_refused_with_the_choices(
    value: Any, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_choice("init", value, ("lin", "legs", None))
    assert str(caught.value).startswith(message)


def test_null_is_refused_where_it_is_no_choice() -> None:
    with pytest.raises(ConfigError, match="init: must be one of lin, got None"):
        check_choice("init", None, ("lin",))
