"""The hook calls back for modules imported before or later, and imports none."""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typeguard import install_import_hook

from espnet_residuals_import_hook import when_imported


@pytest.fixture
def module_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put an importable module on the path and forget it afterwards."""
    name = "module_that_somebody_watches"
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)
    for finder in sys.meta_path:
        getattr(finder, "callbacks", {}).pop(name, None)


def test_module_imported_before_is_seen_at_once(module_on_path: str) -> None:
    importlib.import_module(module_on_path)
    seen = []
    when_imported(module_on_path, lambda module: seen.append(module.value))
    assert seen == [1]


def test_module_imported_later_is_seen_when_it_is_complete(module_on_path: str) -> None:
    seen = []
    when_imported(module_on_path, lambda module: seen.append(module.value))
    assert seen == [] and module_on_path not in sys.modules
    module = importlib.import_module(module_on_path)
    assert seen == [1]
    assert module.__spec__.origin.endswith(f"{module_on_path}.py")


def test_reloaded_module_is_seen_again(module_on_path: str) -> None:
    seen = []
    when_imported(module_on_path, lambda module: seen.append(module.value))
    module = importlib.import_module(module_on_path)
    importlib.reload(module)
    assert seen == [1, 1]


def test_same_callback_is_entered_once(module_on_path: str) -> None:
    seen = []

    def callback(module: Any) -> None:
        seen.append(module.value)

    when_imported(module_on_path, callback)
    when_imported(module_on_path, callback)
    importlib.import_module(module_on_path)
    assert seen == [1]


def test_module_that_does_not_exist_still_gives_the_usual_error() -> None:
    when_imported("module_that_nobody_wrote", lambda module: None)
    with pytest.raises(ModuleNotFoundError, match="module_that_nobody_wrote"):
        importlib.import_module("module_that_nobody_wrote")


def test_module_that_fails_to_import_is_not_reported_as_imported(
    module_on_path: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module_on_path}.py").write_text("raise RuntimeError('broken')\n")
    seen: list[object] = []
    when_imported(module_on_path, seen.append)
    with pytest.raises(RuntimeError, match="broken"):
        importlib.import_module(module_on_path)
    assert seen == []


def test_finder_put_in_front_is_overtaken_at_the_next_import(
    module_on_path: str,
) -> None:
    seen: list[object] = []
    when_imported(module_on_path, seen.append)
    with install_import_hook([module_on_path]):
        importlib.util.find_spec("module_that_nobody_wrote")
        module = importlib.import_module(module_on_path)
    assert seen == [module]


def test_module_that_another_finder_hid_is_seen_when_asked_for_again(
    module_on_path: str,
) -> None:
    seen: list[object] = []
    callback = seen.append
    when_imported(module_on_path, callback)
    with install_import_hook([module_on_path]):
        module = importlib.import_module(module_on_path)
    when_imported(module_on_path, callback)
    when_imported(module_on_path, callback)
    assert seen == [module]


@pytest.mark.parametrize("place", ["before", "behind"])
def test_finder_that_asks_all_finders_meets_no_loop(
    module_on_path: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Asking:
        def find_spec(self, *arguments: Any) -> Any:
            others = [finder for finder in sys.meta_path if finder is not self]
            found = (finder.find_spec(*arguments) for finder in others)
            return next((spec for spec in found if spec is not None), None)

    seen: list[object] = []
    when_imported(module_on_path, seen.append)
    (ours,) = [finder for finder in sys.meta_path if hasattr(finder, "callbacks")]
    others = [finder for finder in sys.meta_path if finder is not ours]
    pair = [Asking(), ours] if place == "before" else [ours, Asking()]
    monkeypatch.setattr(sys, "meta_path", [*pair, *others])
    module = importlib.import_module(module_on_path)
    assert seen and set(seen) == {module}


def test_module_whose_loader_takes_no_attribute_is_imported_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Loader:
        __slots__ = ()

        def create_module(self, spec: Any) -> None:
            return None

        def exec_module(self, module: Any) -> None:
            module.value = 2

    class Finder:
        def find_spec(self, name: str, *unused: Any) -> Any:
            found = name == "module_of_a_rigid_loader"
            return importlib.util.spec_from_loader(name, Loader()) if found else None

    when_imported("module_of_a_rigid_loader", lambda module: None)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert importlib.import_module("module_of_a_rigid_loader").value == 2
    del sys.modules["module_of_a_rigid_loader"]


def test_only_one_finder_is_ever_installed() -> None:
    when_imported("one_module_of_nobody", lambda module: None)
    when_imported("another_module_of_nobody", lambda module: None)
    assert sum(hasattr(finder, "callbacks") for finder in sys.meta_path) == 1
