"""Call back when a given module has been imported: all that runs when Python starts.

The file lies beside the package, not in it, so that a start of Python runs nothing of
the package; and it imports nothing that Python has not loaded by then. The line in
``espnet_residuals_import_hook.pth`` calls :func:`autoload`; docs/routes.md says why.
"""

import os
import sys

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    Callback = Callable[[ModuleType], None]

ESPNET = ("espnet2", "espnet3")
SWITCH = "ESPNET_RESIDUALS_AUTOLOAD"


def autoload() -> None:
    """Let ESPnet, when it is imported, bring this package along.

    ``ESPNET_RESIDUALS_AUTOLOAD=0`` in the environment turns it off.
    """
    if os.environ.get(SWITCH) != "0":
        for name in ESPNET:
            when_imported(name, _import_package)


def when_imported(name: str, callback: "Callback") -> None:
    """Call ``callback`` with the module ``name``: at once, or when it is imported.

    The module is never imported from here, so a callback costs nothing in a process
    that does not use the module.

    Args:
        name (str): Full name of the module.
        callback (Callback): Called with the finished module, once more after a
            reload. It must not raise.

    Examples:
        >>> when_imported("sys", lambda module: print(module.__name__))
        sys
    """
    finder = _installed_finder()
    callbacks = finder.callbacks.setdefault(name, [])
    if callback in callbacks:
        finder.catch_up(name)
        return
    callbacks.append(callback)
    module = sys.modules.get(name)
    if module is not None and not _is_being_imported(module):
        finder.called_back[name] = module
        callback(module)


def _import_package(module: "ModuleType") -> None:
    # A circle, but a late one: the package needs when_imported, and comes with ESPnet.
    try:
        import espnet_residuals  # noqa: F401
    except Exception as error:
        import warnings

        warnings.warn(
            f"espnet-residuals is installed but cannot be imported: {error!r}. ESPnet "
            f"works on without it; {SWITCH}=0 turns the attempt off.",
            RuntimeWarning,
        )


def _is_being_imported(module: "ModuleType") -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Finder:
    """Finds nothing of its own; makes the loaders of watched modules call back."""

    def __init__(self) -> None:
        self.callbacks: "dict[str, list[Callback]]" = {}
        self.called_back: "dict[str, ModuleType]" = {}
        self._searched: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: "Sequence[str] | None",
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """Return the spec that the other finders have, with a loader that calls back.

        Args:
            fullname (str): Full name of the module.
            path (Sequence[str] | None): Search path of its package.
            target (ModuleType | None): Module that is being reloaded.

        Returns:
            ModuleSpec | None: The spec, or None for modules that nobody watches.
        """
        self._return_to_front()
        # Another finder may ask all finders too: this one answers it with None.
        if fullname not in self.callbacks or fullname in self._searched:
            return None
        self._searched.add(fullname)
        try:
            return self._find_elsewhere(fullname, path, target)
        finally:
            self._searched.discard(fullname)

    def catch_up(self, name: str) -> None:
        """Call back for a module that another finder has hidden from this one.

        Args:
            name (str): Full name of the module.
        """
        module = sys.modules.get(name)
        if module is None or module is self.called_back.get(name):
            return
        if not _is_being_imported(module):
            self._call_back(name, module)

    def _call_back(self, name: str, module: "ModuleType") -> None:
        self.called_back[name] = module
        # A callback may add others for the same module: they follow it.
        for callback in self.callbacks.get(name, ()):
            callback(module)

    def _return_to_front(self) -> None:
        """Overtake finders that answer without asking others, such as typeguard's."""
        if sys.meta_path[0] is not self and self in sys.meta_path:
            sys.meta_path.remove(self)
            sys.meta_path.insert(0, self)

    def _find_elsewhere(
        self,
        fullname: str,
        path: "Sequence[str] | None",
        target: "ModuleType | None",
    ) -> "ModuleSpec | None":
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                self._extend_loader(spec)
                return spec
        return None

    def _extend_loader(self, spec: "ModuleSpec") -> None:
        loader = spec.loader
        original = getattr(loader, "exec_module", None)
        if original is None or isinstance(loader, type):
            return

        def exec_module(module: "ModuleType") -> None:
            original(module)
            self._call_back(module.__name__, module)

        try:
            setattr(loader, "exec_module", exec_module)
        except AttributeError:
            return  # a loader with __slots__: the module is imported unwatched


def _installed_finder() -> _Finder:
    """Return the finder on ``sys.meta_path``, put there if need be."""
    for finder in sys.meta_path:
        if isinstance(finder, _Finder):
            return finder
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    return finder
