"""Call back as soon as a given module has been imported; standard library only.

The module may have been imported already, or be imported later by anybody; it is never
imported from here. So a callback costs nothing in a process that does not use the
module.
"""

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Callable, Optional, Sequence

Callback = Callable[[ModuleType], None]


def when_imported(name: str, callback: Callback) -> None:
    """Call ``callback`` with the module ``name``: at once, or when it is imported.

    Args:
        name (str): Full name of the module.
        callback (Callback): Called with the finished module, once more after a
            reload. It must not raise.

    Examples:
        >>> when_imported("sys", lambda module: print(module.__name__))
        sys
    """
    callbacks = _installed_finder().callbacks.setdefault(name, [])
    if callback in callbacks:
        return
    callbacks.append(callback)
    module = sys.modules.get(name)
    if module is not None and not _is_being_imported(module):
        callback(module)


def _is_being_imported(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Finder:
    """Finds nothing of its own; makes the loaders of watched modules call back."""

    def __init__(self) -> None:
        self.callbacks: dict[str, list[Callback]] = {}

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]],
        target: Optional[ModuleType] = None,
    ) -> Optional[ModuleSpec]:
        """Return the spec that the other finders have, with a loader that calls back.

        Args:
            fullname (str): Full name of the module.
            path (Optional[Sequence[str]]): Search path of its package.
            target (Optional[ModuleType]): Module that is being reloaded.

        Returns:
            Optional[ModuleSpec]: The spec, or None for modules that nobody watches.
        """
        if fullname not in self.callbacks:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                self._extend_loader(spec)
                return spec
        return None

    def _extend_loader(self, spec: ModuleSpec) -> None:
        loader = spec.loader
        if loader is None or isinstance(loader, type):
            return
        original = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            original(module)
            for callback in self.callbacks.get(module.__name__, ()):
                callback(module)

        setattr(loader, "exec_module", exec_module)


def _installed_finder() -> _Finder:
    """Return the finder on ``sys.meta_path``, put there if need be."""
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            return finder
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    return finder
