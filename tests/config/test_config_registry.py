"""A registry of any kind of class."""

from typing import Any

import pytest

from espnet_residuals.config import Registry, UnknownNameError


def refuse_private(cls: type) -> None:
    if cls.__name__.startswith("_"):
        raise TypeError(f"{cls.__name__} is private")


@pytest.fixture
def shapes() -> Registry:
    """Return a registry with one class under two names."""
    registry = Registry("shape", refuse_private)

    @registry.register("circle", "o")
    class Circle:
        pass

    return registry


def test_registry_is_empty_at_first() -> None:
    assert len(Registry("shape", refuse_private)) == 0


def test_registries_do_not_share_names(shapes: Registry) -> None:
    assert "circle" not in Registry("shape", refuse_private)


def test_unknown_name_is_told_with_the_valid_names(shapes: Registry) -> None:
    with pytest.raises(UnknownNameError) as caught:
        shapes["circel"]
    message = "unknown shape 'circel'; valid names: circle, o; did you mean 'circle'?"
    assert str(caught.value) == message


@pytest.mark.parametrize("name", [None, 3, [], {}])
def test_name_that_is_no_text_is_unknown(shapes: Registry, name: Any) -> None:
    assert name not in shapes
    with pytest.raises(UnknownNameError):
        shapes[name]


def test_class_that_does_not_fit_is_not_entered(shapes: Registry) -> None:
    with pytest.raises(TypeError, match="_Square is private"):

        @shapes.register("square")
        class _Square:
            pass

    assert list(shapes) == ["circle", "o"]


def test_decorator_returns_the_class_unchanged(shapes: Registry) -> None:
    class Square:
        pass

    assert shapes.register("square")(Square) is Square


def test_same_class_may_take_more_names(shapes: Registry) -> None:
    shapes.register("ring", "circle")(shapes["circle"])
    assert shapes["ring"] is shapes["circle"]


def test_registry_prints_its_names(shapes: Registry) -> None:
    assert repr(shapes) == "Registry('shape': circle, o)"
