"""A mapping from names to classes that other people can add to."""

from typing import Any, Callable, Iterator, MutableMapping, TypeVar

from espnet_residuals.config.errors import UnknownNameError, suggest

C = TypeVar("C", bound=type)

# In a YAML these mean "nothing", whatever a registry holds.
RESERVED_NAMES = ("null", "nil")


class Registry(MutableMapping[str, Any]):
    """Names of classes, usable wherever ESPnet expects its plain dict.

    Args:
        kind (str): What the classes are, for messages; ``"residual"``, ``"layer"``.
        check_interface (Callable[[type], None]): Raises TypeError for a class that
            does not fit; called for every class that is registered by decorator.

    Examples:
        >>> colours = Registry("colour", lambda cls: None)
        >>> @colours.register("red", "r")
        ... class Red:
        ...     pass
        >>> colours["r"]
        <class '...Red'>
        >>> colours["rad"]
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.UnknownNameError: unknown colour 'rad'; \
valid names: r, red; did you mean 'red'?
    """

    def __init__(self, kind: str, check_interface: Callable[[type], None]) -> None:
        self.kind = kind
        self.check_interface = check_interface
        self._classes: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        try:
            return self._classes[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self.describe_unknown(name)) from None

    def __setitem__(self, name: str, cls: Any) -> None:
        self._classes[name] = cls

    def __delitem__(self, name: str) -> None:
        if name not in self._classes:
            raise UnknownNameError(self.describe_unknown(name))
        del self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind!r}: {', '.join(sorted(self))})"

    def describe_unknown(self, name: object) -> str:
        """Return the sentence that a user reads who wrote a name that is not here."""
        known = sorted(self, key=str.lower)
        return (
            f"unknown {self.kind} {name!r}; valid names: {', '.join(known)}"
            f"{suggest(name, known)}"
        )

    def register(self, *names: str) -> Callable[[C], C]:
        """Return a decorator that enters a class under one or more names.

        Defining the same class once more, as a re-run notebook cell does, replaces
        the earlier one.

        Args:
            *names (str): The name and its aliases.

        Returns:
            Callable[[type], type]: The decorator; it returns the class unchanged.

        Raises:
            ValueError: If a name is empty, reserved, or another class has it.
            TypeError: If the class does not have the interface of this kind.
        """

        def enter(cls: C) -> C:
            self.check_interface(cls)
            for name in names:
                self._check_name(name, cls)
            for name in names:
                self._classes[name] = cls
            return cls

        if not names or not all(isinstance(name, str) and name for name in names):
            raise ValueError(
                f"a {self.kind} is registered under one or more names, as in "
                f'@register_{self.kind}("name"), got {names!r}'
            )
        return enter

    def _check_name(self, name: str, cls: type) -> None:
        if name.lower() in RESERVED_NAMES:
            raise ValueError(
                f"{name!r} cannot name a {self.kind}: in a YAML it means nothing at all"
            )
        owner = self._classes.get(name)
        if owner is not None and _identity(owner) != _identity(cls):
            raise ValueError(
                f"the {self.kind} name {name!r} is taken by "
                f"{'.'.join(_identity(owner))}; choose another for {cls.__name__}"
            )


def _identity(cls: Any) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
