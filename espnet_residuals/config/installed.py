"""Classes that other installed packages offer by an entry point."""

import inspect
import warnings
from typing import Any, Callable


def register_installed(
    kind: str, group: str, register: Callable[[str], Callable[[Any], Any]]
) -> None:
    """Register what installed packages offer under a group of entry points.

    An entry point names a class, which is registered under the name of the entry
    point, or a module, whose import registers what it holds. A package that fails is
    left out with a warning; the others are not affected.

    Args:
        kind (str): What the classes are, for the warning.
        group (str): The group of entry points.
        register (Callable[[str], Callable[[Any], Any]]): Takes a name and returns a
            decorator that registers a class.
    """
    # Not needed before the first look-up, and slow.
    from importlib.metadata import entry_points

    for entry in entry_points(group=group):
        try:
            found = entry.load()
            if not inspect.ismodule(found):
                register(entry.name)(found)
        except (Exception, SystemExit) as error:
            package = entry.dist.name if entry.dist else entry.value
            warnings.warn(
                f"the {kind} {entry.name!r} of the installed package {package} is left "
                f"out: {type(error).__name__}: {_said(error)}",
                stacklevel=4,
            )


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # somebody else's class
        return "its message cannot be printed"
