"""Validation of single options: return the value or say what is allowed."""

import math
from numbers import Integral, Real
from typing import Any, Iterable, Mapping, Optional, Sequence

from espnet_residuals.config.errors import ConfigError, shown, suggest

# What a float32 holds with full precision: beyond it infinity, below it nothing.
LARGEST, SMALLEST = 3.4028234e38, 1.1754944e-38
# No size or count has more.
LARGEST_INTEGER = 2**31 - 1


def check_number(
    key: str,
    value: Any,
    *,
    minimum: Optional[float] = None,
    above: Optional[float] = None,
    maximum: Optional[float] = None,
    below: Optional[float] = None,
) -> float:
    """Return ``value`` as a float within the given bounds, and those of float32.

    YAML 1.1 reads ``1e-3`` as text, so text that spells a number is taken as one.

    Args:
        key (str): Name of the option, for the message.
        value (Any): What was configured.
        minimum (Optional[float]): Smallest allowed value.
        above (Optional[float]): Bound that must be exceeded.
        maximum (Optional[float]): Largest allowed value.
        below (Optional[float]): Bound that must not be reached.

    Returns:
        float: The number.

    Raises:
        ConfigError: If ``value`` is not such a number.

    Examples:
        >>> check_number("lr", "1e-3", above=0)
        0.001
        >>> check_number("power", -1, minimum=0)
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.ConfigError: power: must be a finite number \
>= 0, got -1
    """
    allowed = "a finite number" + "".join(
        f" {sign} {bound}"
        for sign, bound in (
            (">=", minimum),
            (">", above),
            ("<=", maximum),
            ("<", below),
        )
        if bound is not None
    )
    number = _as_float(value)
    if (
        number is None
        or not math.isfinite(number)
        or (minimum is not None and number < minimum)
        or (above is not None and number <= above)
        or (maximum is not None and number > maximum)
        or (below is not None and number >= below)
    ):
        raise ConfigError(key, f"must be {allowed}, got {shown(value)}")
    if abs(number) > LARGEST or (above == 0 and number < SMALLEST):
        raise ConfigError(
            key,
            f"must be {allowed} that float32 holds, {SMALLEST:.2g} to {LARGEST:.2g}, "
            f"got {shown(value)}",
        )
    return number


def _as_float(value: Any) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (Real, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def check_integer(key: str, value: Any, *, minimum: int) -> int:
    """Return ``value`` as an int that is at least ``minimum`` and no absurd size.

    Args:
        key (str): Name of the option, for the message.
        value (Any): What was configured.
        minimum (int): Smallest allowed value.

    Returns:
        int: The number.

    Raises:
        ConfigError: If ``value`` is no integer, too small, or beyond 32 bits.

    Examples:
        >>> check_integer("i_layer", 3, minimum=1)
        3
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ConfigError(key, f"must be an integer >= {minimum}, got {shown(value)}")
    if int(value) > LARGEST_INTEGER:
        raise ConfigError(
            key,
            f"must be an integer from {minimum} to {LARGEST_INTEGER}, "
            f"got {shown(value)}",
        )
    return int(value)


def check_flag(key: str, value: Any) -> bool:
    """Return ``value`` if it is true or false.

    Args:
        key (str): Name of the option, for the message.
        value (Any): What was configured.

    Returns:
        bool: The flag.

    Raises:
        ConfigError: If ``value`` is anything but a bool.

    Examples:
        >>> check_flag("l2", True)
        True
    """
    if not isinstance(value, bool):
        raise ConfigError(key, f"must be true or false, got {shown(value)}")
    return value


def check_choice(key: str, value: Any, choices: Iterable[Optional[str]]) -> Any:
    """Return ``value`` if it is one of ``choices``.

    Args:
        key (str): Name of the option, for the message.
        value (Any): What was configured.
        choices (Iterable[Optional[str]]): The valid values; None stands for null.

    Returns:
        Any: The value.

    Raises:
        ConfigError: If it is none of them.

    Examples:
        >>> check_choice("init", "lin", ("lin", "inv", "legs"))
        'lin'
    """
    choices = tuple(choices)
    if not (value is None or isinstance(value, str)) or value not in choices:
        names = [name for name in choices if name is not None]
        listed = ", ".join("null" if name is None else name for name in choices)
        raise ConfigError(
            key, f"must be one of {listed}, got {shown(value)}{suggest(value, names)}"
        )
    return value


def check_options(
    owner: str, options: Mapping[str, Any], accepted: Sequence[str], key: str
) -> None:
    """Refuse an option that does not exist.

    Args:
        owner (str): What the options are for, for the message.
        options (Mapping[str, Any]): What was configured.
        accepted (Sequence[str]): The options that there are.
        key (str): Path of the key that holds the options.

    Raises:
        ConfigError: If one of ``options`` is not accepted.

    Examples:
        >>> check_options("Greeting", {"plite": 1}, ["polite"], "greeting")
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.ConfigError: greeting.plite: Greeting has no \
option 'plite' (got 1); it accepts polite; did you mean 'polite'?
    """
    for name, value in options.items():
        if name not in accepted:
            raise ConfigError(
                f"{key}.{name}",
                f"{owner} has no option {name!r} (got {shown(value)}); it accepts "
                f"{', '.join(accepted) or 'no options'}{suggest(name, accepted)}",
            )
