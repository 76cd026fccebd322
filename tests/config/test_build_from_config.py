"""Objects of any registered class from their configuration."""

from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from omegaconf import ListConfig, OmegaConf

from espnet_residuals.config import (
    ConfigError,
    Registry,
    build_from_config,
    check_number,
    to_plain,
)

shapes = Registry("shape", lambda cls: None)


@shapes.register("circle")
class Circle:
    """Checks its option."""

    def __init__(self, name: str, radius: float = 1.0, *, filled: bool = False) -> None:
        self.name = name
        self.radius = check_number("radius", radius, above=0)
        self.filled = filled


@shapes.register("point")
class Point:
    """Takes nothing at all."""


@shapes.register("picture")
class Picture:
    """Builds another object of a nested configuration."""

    def __init__(self, name: str, frame: Any) -> None:
        self.frame = build_from_config(shapes, frame, name, key="frame")


def build(config: Any, **arguments: Any) -> Any:
    return build_from_config(shapes, config, "a", key="conf.shape", **arguments)


def test_context_and_options_reach_the_constructor() -> None:
    circle = build({"_name_": "circle", "radius": 2, "filled": True})
    assert (circle.name, circle.radius, circle.filled) == ("a", 2.0, True)


def test_default_goes_only_to_a_class_that_declares_it_and_does_not_set_it() -> None:
    assert build("circle", defaults={"radius": 3, "corners": 4}).radius == 3.0
    assert build({"_name_": "circle", "radius": 2}, defaults={"radius": 3}).radius == 2


def test_class_that_does_not_take_the_context_is_told() -> None:
    with pytest.raises(ConfigError, match="^conf.shape: .*Point"):
        build("point")


def test_option_that_the_program_sets_is_refused() -> None:
    with pytest.raises(ConfigError, match="^conf.shape.name: .*radius, filled"):
        build({"_name_": "circle", "name": "b"})


def test_key_path_runs_through_nested_configurations() -> None:
    frame = {"_name_": "circle", "radius": -1}
    with pytest.raises(ConfigError, match="^conf.shape.frame.radius: .*> 0, got -1"):
        build({"_name_": "picture", "frame": frame})


@pytest.mark.parametrize("option", [1, None, ("a", "b")])
def test_option_that_is_no_text_is_told(option: Any) -> None:
    with pytest.raises(ConfigError, match="^conf.shape"):
        build({"_name_": "circle", option: 2})


def test_plain_copy_shares_no_container() -> None:
    inner: list[int] = [1]
    config = {"a": {"b": inner}, "c": (inner, "text")}
    plain = to_plain(config)
    assert plain == {"a": {"b": [1]}, "c": [[1], "text"]}
    plain["a"]["b"].append(2)
    plain["c"][0].append(3)
    assert inner == [1]


def test_plain_copy_knows_no_omegaconf() -> None:
    config = OmegaConf.create({"a": {"b": [1, {"c": None}]}})
    plain = to_plain(MappingProxyType({"x": config, "y": ListConfig(["z"])}))
    assert plain == {"x": {"a": {"b": [1, {"c": None}]}}, "y": ["z"]}
    assert type(plain["x"]) is dict and type(plain["x"]["a"]["b"]) is list


def test_size_that_no_memory_holds_is_refused_by_key() -> None:
    @shapes.register("huge")
    class Huge:
        def __init__(self, name: str, size: int) -> None:
            np.empty(size)

    with pytest.raises(ConfigError, match="^conf.shape: Huge: Unable to allocate"):
        build({"_name_": "huge", "size": 2**50})
