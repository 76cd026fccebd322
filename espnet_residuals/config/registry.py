"""A mapping from names to classes that other people can add to."""

from threading import RLock
from typing import Any, Callable, Iterator, MutableMapping, TypeVar

from espnet_residuals.config.errors import UnknownNameError, shown, suggest
from espnet_residuals.config.installed import register_installed

C = TypeVar("C", bound=type)

# In a YAML these mean "nothing", whatever a registry holds.
RESERVED_NAMES = ("null", "nil")

# Held while installed packages are loaded: another thread must wait for their names.
_loading = RLock()


class Registry(MutableMapping[str, Any]):
    """Names of classes, usable wherever ESPnet expects its plain dict.

    Args:
        kind (str): What the classes are, for messages; ``"residual"``, ``"layer"``.
        check_interface (Callable[[type], None]): Raises TypeError for a class that
            does not fit; called for every class that is registered by decorator.
        group (str): Group of entry points by which installed packages add classes;
            they are loaded at the first look-up. Empty: there are none.

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

    def __init__(
        self, kind: str, check_interface: Callable[[type], None], group: str = ""
    ) -> None:
        self.kind = kind
        self.check_interface = check_interface
        self.group = group
        self._installed_are_loaded = not group
        self._classes: dict[str, Any] = {}

    def _load_installed(self) -> None:
        """Load what installed packages add, once; they may look names up meanwhile."""
        with _loading:
            if not self._installed_are_loaded:
                self._installed_are_loaded = True
                register_installed(self.kind, self.group, self.register)

    def __getitem__(self, name: str) -> Any:
        self._load_installed()
        try:
            return self._classes[name]
        except (KeyError, TypeError):
            raise UnknownNameError(self.describe_unknown(name)) from None

    def __setitem__(self, name: str, cls: Any) -> None:
        self._classes[name] = cls

    def __delitem__(self, name: str) -> None:
        self._load_installed()
        if name not in self._classes:
            raise UnknownNameError(self.describe_unknown(name))
        del self._classes[name]

    def __iter__(self) -> Iterator[str]:
        self._load_installed()
        return iter(self._classes)

    def __len__(self) -> int:
        self._load_installed()
        return len(self._classes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind!r}: {', '.join(sorted(self))})"

    def describe_unknown(self, name: object) -> str:
        """Return the sentence that a user reads who wrote a name that is not here.

        Args:
            name (object): What was written.

        Returns:
            str: The sentence, with all valid names and the nearest.
        """
        known = sorted(self, key=str.lower)
        return (
            f"unknown {self.kind} {shown(name)}; valid names: {', '.join(known)}"
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
