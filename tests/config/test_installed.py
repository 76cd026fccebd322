"""Classes that installed packages offer by an entry point."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable

import pytest

from espnet_residuals.config import Registry
from espnet_residuals.layers import layer_registry
from espnet_residuals.residual import registry

GROUP = "espnet_residuals.test_things"

Install = Callable[[str, str, str], None]


def refuse_lists(cls: Any) -> None:
    if issubclass(cls, list):
        raise TypeError(f"{cls.__name__} is a list")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a package of one module."""
    monkeypatch.syspath_prepend(tmp_path)

    def install_one(package: str, entry: str, code: str) -> None:
        (tmp_path / f"{package}.py").write_text(code)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry}\n")

    return install_one


def things() -> Registry:
    return Registry("thing", refuse_lists, GROUP)


def test_class_is_found_by_the_name_of_its_entry_point(install: Install) -> None:
    install("offers_a_class", "mine = offers_a_class:Mine", "class Mine: pass")
    registry = things()
    assert registry["mine"].__name__ == "Mine"
    assert list(registry) == ["mine"] and len(registry) == 1


@pytest.mark.parametrize(
    "look_up",
    [
        lambda registry: "mine" in registry,
        lambda registry: registry["mine"],
        lambda registry: list(registry) == ["mine"],
        lambda registry: len(registry) == 1,
        lambda registry: registry.pop("mine"),
        lambda registry: "mine" in repr(registry),
    ],
)
def test_any_look_up_comes_first(
    install: Install, look_up: Callable[[Registry], Any]
) -> None:
    install("looked_up", "mine = looked_up:Mine", "class Mine: pass")
    assert look_up(things())


def test_nothing_is_loaded_before_and_nothing_twice(
    install: Install, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    code = f"open({str(log)!r}, 'a').write('loaded ')\nclass Mine: pass"
    install("loaded_late", "mine = loaded_late:Mine", code)
    registry = things()
    registry.register("own")(dict)
    registry["other"] = dict
    assert not log.exists()
    assert "mine" in registry and "own" in registry
    del registry["mine"]
    assert "mine" not in registry
    assert log.read_text() == "loaded "


def test_module_registers_what_it_holds(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = things()
    monkeypatch.setattr("espnet_residuals.test_things", registry, raising=False)
    code = (
        "import espnet_residuals\n"
        "@espnet_residuals.test_things.register('one', 'two')\n"
        "class Mine: pass\n"
        "assert 'one' in espnet_residuals.test_things\n"
    )
    install("offers_a_module", "anything = offers_a_module", code)
    assert sorted(registry) == ["one", "two"]


BROKEN = {
    "import": ("raise OSError('no driver')", "OSError: no driver"),
    "no class": ("", "AttributeError: .*'Mine'"),
    "interface": ("class Mine(list): pass", "TypeError: Mine is a list"),
    "syntax": ("class", "SyntaxError"),
    "taken": ("class Mine: pass", "ValueError: the thing name 'own' is taken by"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_package_is_named_and_stops_nothing_else(
    install: Install, kind: str
) -> None:
    code, message = BROKEN[kind]
    package = f"broken_{kind.replace(' ', '_')}"
    name = "own" if kind == "taken" else "mine"
    install(package, f"{name} = {package}:Mine", code)
    install(f"works_beside_{package}", f"good = works_beside_{package}:Good", GOOD)
    registry = things()
    registry.register("own")(dict)
    expected = f"the thing '{name}' of the installed package {package} .*{message}"
    with pytest.warns(UserWarning, match=expected):
        assert registry["good"].__name__ == "Good"
    assert registry["own"] is dict and "mine" not in registry
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "good" in registry


GOOD = "class Good: pass"


def test_thread_waits_for_the_names_that_another_one_loads(install: Install) -> None:
    install(
        "slow", "mine = slow:Mine", "import time; time.sleep(0.3)\nclass Mine: pass"
    )
    registry = things()
    with ThreadPoolExecutor(max_workers=4) as pool:
        found = list(pool.map(lambda _: "mine" in registry, range(8)))
    assert all(found)


def test_registry_without_a_group_loads_nothing(install: Install) -> None:
    install("not_asked_for", "mine = not_asked_for:Mine", "class Mine: pass")
    assert list(Registry("thing", refuse_lists)) == []


def test_groups_of_this_package_are_those_of_the_documentation() -> None:
    makers = {"residual": registry, "layer": layer_registry}
    for kind, made in makers.items():
        assert made.kind == kind
        assert made.group == f"espnet_residuals.{kind}"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("import sys\nsys.exit()", "SystemExit: "),
        (
            "class Mute(Exception):\n"
            "    def __str__(self): raise ValueError\n"
            "raise Mute",
            "Mute: its message cannot be printed",
        ),
    ],
    ids=["exit code", "exit", "mute error"],
)
def test_package_that_ends_python_or_is_mute_is_left_out_alone(
    code: str, message: str, install: Install, request: pytest.FixtureRequest
) -> None:
    bad = f"ends_{abs(hash(request.node.name))}"
    install(bad, f"bad = {bad}", code)
    install(f"{bad}_not", f"good = {bad}_not:Good", "class Good: pass")
    with pytest.warns(UserWarning, match=message):
        assert list(things()) == ["good"]
