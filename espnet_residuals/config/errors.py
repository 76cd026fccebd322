"""Errors that tell the reader of a YAML which key is wrong and what it may be."""

from difflib import get_close_matches
from typing import Iterable


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
    near = get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
