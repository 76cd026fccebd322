"""Build an object of a registered class from its configuration."""

import inspect
import itertools
from typing import Any, Iterable, Mapping, Optional, Sequence

from espnet_residuals.config.checks import check_options
from espnet_residuals.config.errors import ConfigError, shown
from espnet_residuals.config.registry import Registry

NAME_KEY = "_name_"
# More than any configuration written by hand has.
MOST_VALUES, DEEPEST = 10_000, 20
# What constructors, ESPnet's among them, raise where they cannot use a value.
REFUSALS = (
    ArithmeticError,
    AssertionError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def build_from_config(
    registry: Registry,
    config: Any,
    *context: Any,
    key: str,
    defaults: Optional[Mapping[str, Any]] = None,
) -> Any:
    """Build the object that ``config`` describes.

    Args:
        registry (Registry): The classes that a configuration may name.
        config (Any): A name, a mapping with ``_name_`` and options (dict or
            OmegaConf, never changed), or a class.
        *context (Any): Positional arguments of the constructor, set by the program.
        key (str): Path of ``config`` in the YAML, for messages.
        defaults (Optional[Mapping[str, Any]]): Options that go to a class which
            declares them, unless ``config`` sets them.

    Returns:
        Any: The object.

    Raises:
        ConfigError: If the name or an option is wrong; says which, and what is valid.

    Examples:
        >>> words = Registry("word", lambda cls: None)
        >>> @words.register("greeting")
        ... class Greeting:
        ...     def __init__(self, whom, polite=False):
        ...         self.text = ("Good day, " if polite else "Hi, ") + whom
        >>> build_from_config(
        ...     words, {"_name_": "greeting", "polite": True}, "Ann", key="word"
        ... ).text
        'Good day, Ann'
        >>> build_from_config(words, {"_name_": "greeting", "plite": 1}, "Ann", key="w")
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.ConfigError: w.plite: Greeting has no option \
'plite' (got 1); it accepts polite; did you mean 'polite'?
    """
    cls, options = _parse(registry, config, key)
    accepted, takes_any = _accepted_options(cls, context, key)
    if not takes_any:
        check_options(cls.__name__, options, accepted, key)
    for name, value in (defaults or {}).items():
        if name in accepted:
            options.setdefault(name, value)
    listed = "any option" if takes_any else ", ".join(accepted) or "no options"
    note = f"{cls.__name__} accepts {listed}"
    try:
        return cls(*context, **options)
    except ConfigError as error:
        raise error.within(key, note) from error
    except REFUSALS as error:
        said = str(error) or type(error).__name__
        raise ConfigError(
            key, f"{cls.__name__}: {said} (got {shown(options)}; {note})"
        ) from error


def to_plain(config: Any, key: str = "") -> Any:
    """Return nested mappings and sequences as new dicts and lists.

    Args:
        config (Any): A value of a YAML, possibly OmegaConf's.
        key (str): Path of ``config`` in the YAML, for messages.

    Returns:
        Any: The same content, sharing no container with ``config``.

    Raises:
        ConfigError: If a value is missing or refers to none, or the whole is too large
            or holds itself, as aliases in a YAML can.

    Examples:
        >>> to_plain({"layer": ("s4d", {"_name_": "ff"})})
        {'layer': ['s4d', {'_name_': 'ff'}]}
    """
    count = itertools.count(1)

    def copy(value: Any, path: str, depth: int) -> Any:
        if next(count) > MOST_VALUES:
            raise ConfigError(
                key,
                f"holds more than {MOST_VALUES} values, with each alias written out",
            )
        if depth > DEEPEST:
            raise ConfigError(
                key, f"is nested more than {DEEPEST} levels deep, or holds itself"
            )
        if isinstance(value, Mapping):
            plain = {}
            for name in _items(value, path):
                below = f"{path}.{name}" if path else str(name)
                plain[name] = copy(_item(value, name, below), below, depth + 1)
            return plain
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            places = [(i, f"{path}[{i}]") for i in _items(value, path)]
            return [copy(_item(value, i, at), at, depth + 1) for i, at in places]
        return value

    return copy(config, key, 0)


# OmegaConf raises where a value is ``???`` or refers to one that is not there.


def _items(container: Any, key: str) -> Iterable[Any]:
    try:
        if isinstance(container, Mapping):
            return list(container)
        return range(len(container))
    except Exception as error:
        raise _no_value(key, error) from error


def _item(container: Any, name: Any, key: str) -> Any:
    try:
        return container[name]
    except Exception as error:
        raise _no_value(key, error) from error


def _no_value(key: str, error: Exception) -> ConfigError:
    reason = str(error).partition("\n")[0]
    return ConfigError(key, f"has no value: {reason}")


def _parse(registry: Registry, config: Any, key: str) -> tuple[type, dict[str, Any]]:
    """Split a configuration into the class that it names and that class's options."""
    if isinstance(config, type):
        try:
            registry.check_interface(config)
        except TypeError as error:
            raise ConfigError(key, str(error)) from error
        return config, {}
    options: dict[str, Any] = {}
    name: Any = config
    if isinstance(config, Mapping):
        options = to_plain(config, key)
        if NAME_KEY not in options:
            raise ConfigError(
                key,
                f"a mapping needs {NAME_KEY!r}, the {registry.kind}'s name, got "
                f"{shown(options)}",
            )
        name = options.pop(NAME_KEY)
        key = f"{key}.{NAME_KEY}"
    if not isinstance(name, str):
        raise ConfigError(
            key,
            f"must be the name of a {registry.kind} or a mapping with {NAME_KEY!r}, "
            f"got {shown(name)}",
        )
    if name not in registry:
        raise ConfigError(key, registry.describe_unknown(name))
    return registry[name], options


def _accepted_options(
    cls: type, context: tuple[Any, ...], key: str
) -> tuple[list[str], bool]:
    """Return the options a constructor declares, and whether it takes any other."""
    signature = inspect.signature(cls)
    try:
        bound = signature.bind_partial(*context).arguments
    except TypeError as error:
        raise ConfigError(key, f"{cls.__name__}: {error}") from error
    keyword_kinds = (
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    parameters = signature.parameters.values()
    declared = [
        p.name for p in parameters if p.kind in keyword_kinds and p.name not in bound
    ]
    return declared, any(p.kind is p.VAR_KEYWORD for p in parameters)
