"""What the tests of the recipes' data share."""

import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from espnet3.components.data.dataset_module import load_dataset_module
from espnet3.utils.config_utils import load_and_merge_config


@contextmanager
def loaded_dataset(recipe_dir: Path) -> Iterator[ModuleType]:
    """Load the recipe's dataset folder the way ESPnet3 does; forget it afterwards."""
    module = load_dataset_module(recipe_dir=recipe_dir)
    yield module
    for name in [name for name in sys.modules if name.startswith(module.__name__)]:
        del sys.modules[name]


@contextmanager
def importable(recipe_dir: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Yield what imports modules of the recipe's folder src as run.py does."""
    sys.path.insert(0, str(recipe_dir))
    yield lambda name: import_module(f"src.{name}")
    sys.path.remove(str(recipe_dir))
    for name in [
        name for name in sys.modules if name.split(".")[0] in ("src", "dataset")
    ]:
        del sys.modules[name]


@contextmanager
def loaded_evidence(recipe_dir: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Yield what imports modules of the folder evidence as its command does."""
    sys.path.insert(0, str(recipe_dir))
    yield lambda name: import_module(f"evidence.{name}")
    sys.path.remove(str(recipe_dir))
    own = ("dataset", "evidence", "src")
    for name in [name for name in sys.modules if name.split(".")[0] in own]:
        del sys.modules[name]


def load_config(recipe_dir: Path, name: str, kind: str = "training") -> Any:
    """Load one of the recipe's configurations on top of ESPnet's template."""
    return load_and_merge_config(
        recipe_dir / "conf" / f"{name}.yaml",
        config_name=f"{kind}.yaml",
        default_package="egs3.TEMPLATE.esp2_asr",
    )


def create_dataset(dataset: ModuleType, recipe_dir: Path, **options: object) -> None:
    """Do what ESPnet3's stage of this name does."""
    builder = dataset.DatasetBuilder()
    options["recipe_dir"] = recipe_dir
    if not builder.is_source_prepared(**options):
        builder.prepare_source(**options)
    if not builder.is_built(**options):
        builder.build(**options)


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_nothing_is_left(recipe_dir: Path) -> None:
    """Check that a failed attempt left no file."""
    assert not [path for path in recipe_dir.rglob("*") if path.is_file()]


def submodule(dataset: ModuleType, name: str) -> ModuleType:
    """Return a module of the recipe's dataset folder."""
    return import_module(f"{dataset.__name__}.{name}")


def pack(archive: Path, folder: Path) -> Path:
    """Make a tar file of a folder, gzipped if its name says so."""
    with tarfile.open(archive, "w:gz" if archive.suffix == ".gz" else "w") as tar:
        tar.add(folder, folder.name)
    return archive


class Interruption:
    """A function that is called as before, until it is interrupted."""

    def __init__(self, function: Any, calls: int) -> None:
        self.function = function
        self.calls_left = calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.calls_left == 0:
            raise KeyboardInterrupt
        self.calls_left -= 1
        return self.function(*args, **kwargs)
