"""Run a module with everything of this package registered, for ``asr.sh --python``.

.. code-block:: sh

    ./asr.sh --python "python3 -m espnet_residuals.launch" ...

makes asr.sh call ``python3 -m espnet_residuals.launch -m espnet2.bin.asr_train ...``.
"""

import runpy
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Optional, Sequence

from espnet_residuals.integration.registration import register

# A spawned process imports this module again, as the __main__ of its parent.
register()

USAGE = "usage: python -m espnet_residuals.launch -m MODULE [ARGUMENT ...]"


def main(arguments: Sequence[str]) -> None:
    """Run a module as ``python -m`` does.

    Args:
        arguments (Sequence[str]): ``-m``, the module's name, and what it is given.

    Raises:
        SystemExit: With a message, if there is nothing to run.
    """
    if len(arguments) < 2 or arguments[0] != "-m":
        given = " ".join(arguments) or "no arguments"
        sys.exit(f"{USAGE}\nonly modules can be run, so -m comes first; got: {given}")
    _, module, *rest = arguments
    sys.argv = [_find_file(module), *rest]
    # sys.modules["__main__"] stays this module, which spawned processes look for.
    runpy.run_module(module, run_name="__main__")


def _find_file(module: str) -> str:
    """Return the file that runs; exit with a message if there is none."""
    spec = _find_spec(module)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find_spec(f"{module}.__main__")
    if spec is None or spec.origin is None:
        from espnet_residuals.config.errors import suggest  # imports torch

        nearest = suggest(module, _modules_beside(module))
        sys.exit(f"espnet_residuals.launch: no module {module!r} to run{nearest}")
    return spec.origin


def _find_spec(module: str) -> Optional[ModuleSpec]:
    try:
        return find_spec(module)
    except (ImportError, ValueError):  # of its package, of an ill-formed name
        return None


def _modules_beside(module: str) -> list[str]:
    package = module.rpartition(".")[0]
    spec = _find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else None
    found = [beside.name for beside in iter_modules(folders or [], f"{package}.")]
    return [name for name in found if name != module]


if __name__ == "__main__":
    main(sys.argv[1:])
