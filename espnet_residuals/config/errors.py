"""Errors that tell the reader of a YAML which key is wrong and what it may be."""

from difflib import get_close_matches
from itertools import islice
from typing import Any, Iterable

LONGEST_NAME = 100
# Of a value in a message: parts of it, and characters.
MOST_PARTS, MOST_CHARACTERS = 100, 500


class ConfigError(ValueError):
    """A configured value is not usable.

    Args:
        key (str): Path of the key at fault, such as ``residual.power``; may be
            empty when the fault is in the whole.
        problem (str): What is wrong, what is allowed.

    Examples:
        >>> error = ConfigError("power", "must be >= 0, got -1")
        >>> print(error)
        power: must be >= 0, got -1
        >>> print(error.within("encoder_conf.residual"))
        encoder_conf.residual.power: must be >= 0, got -1
    """

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}" if key else problem)
        self.key = key
        self.problem = problem

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str]]:
        """Pickle by the arguments, so that worker processes can pass it on."""
        return type(self), (self.key, self.problem)

    def within(self, parent: str, note: str = "") -> "ConfigError":
        """Return the same error, seen from the key that holds this one.

        Args:
            parent (str): Path of the enclosing key.
            note (str): More to tell, appended in parentheses.

        Returns:
            ConfigError: The error with the longer key path.
        """
        key = f"{parent}.{self.key}" if self.key else parent
        return ConfigError(key, f"{self.problem} ({note})" if note else self.problem)


class UnknownNameError(KeyError):
    """A registry has no class of this name; the message lists those that it has."""

    def __str__(self) -> str:
        """Return the message itself, where KeyError would show its repr."""
        return str(self.args[0])


def suggest(name: object, known: Iterable[str]) -> str:
    """Say which known name comes nearest to a mistyped one.

    Args:
        name (object): What was written.
        known (Iterable[str]): The valid names.

    Returns:
        str: ``"; did you mean 'x'?"``, or the empty string if nothing is near.

    Examples:
        >>> suggest("pwer", ["power", "l2"])
        "; did you mean 'power'?"
        >>> suggest("zzz", ["power", "l2"])
        ''
    """
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        return ""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def shown(value: Any) -> str:
    """Return a configured value as it stands in a message, cut where it is long.

    Args:
        value (Any): What was configured, perhaps with thousands of digits, or with
            aliases of aliases that no memory holds when they are written out.

    Returns:
        str: Its repr, or what it is.

    Examples:
        >>> shown("1e-3")
        "'1e-3'"
        >>> shown(10**5000)
        'int, too long to show'
    """
    kind = type(value).__name__
    if _has_many_parts(value):
        return f"{kind}, too large to show"
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits.
        return f"{kind}, too long to show"
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


def _has_many_parts(value: Any) -> bool:
    parts, waiting = 0, [value]
    while waiting and parts <= MOST_PARTS:
        parts, part = parts + 1, waiting.pop()
        if isinstance(part, dict):
            part = list(islice(part.values(), MOST_PARTS))
        if isinstance(part, (list, tuple, set)):
            waiting.extend(islice(part, MOST_PARTS))
    return parts > MOST_PARTS
