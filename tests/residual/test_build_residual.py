"""Residual functions from what a YAML says, and what its reader is told."""

import copy
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, Optional

import pytest
from omegaconf import DictConfig, OmegaConf
from torch import nn

from espnet_residuals.config import ConfigError
from espnet_residuals.residual import (
    Affine,
    DecayResidual,
    Feedforward,
    Highway,
    Residual,
    build_residual,
    registry,
)

OPTIONS = {"power": 1.0, "_name_": "decay", "l2": False}


def read_only(config: dict[str, Any]) -> DictConfig:
    result = OmegaConf.create(config)
    OmegaConf.set_readonly(result, True)
    return result


def struct(config: dict[str, Any]) -> DictConfig:
    result = OmegaConf.create(config)
    OmegaConf.set_struct(result, True)
    return result


def interpolated(config: dict[str, Any]) -> DictConfig:
    whole = OmegaConf.create({"power": config["power"], "residual": config})
    whole.residual.power = "${power}"
    return whole.residual


MAPPINGS = [dict, MappingProxyType, OmegaConf.create, read_only, struct, interpolated]


class CountsDepth(Residual):
    """Declares n_layers."""

    def __init__(
        self,
        i_layer: int,
        d_input: int,
        d_model: int,
        n_layers: Optional[int] = None,
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.n_layers = n_layers


class CountsDepthByKeyword(CountsDepth):
    """Declares n_layers in ESPnet's style."""

    def __init__(self, *args: Any, n_layers: int = 0) -> None:
        super().__init__(*args, n_layers=n_layers)  # type: ignore[misc]


class CountsDepthAmongOthers(CountsDepth):
    """Declares n_layers beside options that it does not declare."""

    def __init__(self, *args: Any, n_layers: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, n_layers=n_layers, **kwargs)  # type: ignore[misc]


class TakesAnything(Residual):
    """Does not declare n_layers; passes every option on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class EspnetStyle(Residual):
    """Raises plain Python errors for wrong options, as most classes do."""

    def __init__(self, *args: Any, power: float = 0.5) -> None:
        super().__init__(*args, beta=2 ** (-power))  # type: ignore[misc]


@pytest.mark.parametrize(
    "config",
    [
        None,
        "null",
        "nil",
        "none",
        "feedforward",
        {"_name_": None},
        {"_name_": "null"},
        {"_name_": "none"},
        OmegaConf.create({"_name_": None}),
        Feedforward,
    ],
    ids=repr,
)
def test_no_skip_can_be_said_in_many_ways(config: Any) -> None:
    assert type(build_residual(config, 1, 8, 4)) is Feedforward


@pytest.mark.parametrize("name", registry)
def test_name_alone_builds_the_class_with_its_defaults(name: str) -> None:
    module = build_residual(name, 2, 8, 8, n_layers=12)
    assert type(module) is registry[name]
    assert repr(module) == repr(build_residual(registry[name], 2, 8, 8, n_layers=12))


@pytest.mark.parametrize("make_mapping", MAPPINGS)
def test_every_kind_of_mapping_builds_the_same(make_mapping: Any) -> None:
    module = build_residual(make_mapping(OPTIONS), 4, 8, 8)
    assert isinstance(module, DecayResidual)
    assert (module.alpha, module.beta) == (0.75, 0.25)


@pytest.mark.parametrize("cls", [Residual, Affine, Highway, DecayResidual, EspnetStyle])
def test_class_builds_itself(cls: type[Residual]) -> None:
    assert type(build_residual(cls, 2, 8, 8)) is cls


@pytest.mark.parametrize("make_mapping", MAPPINGS)
@pytest.mark.parametrize(
    "change", [{}, {"_name_": "decays"}, {"power": -1}, {"pover": 1.0}], ids=str
)
def test_config_of_the_caller_is_not_changed(
    make_mapping: Any, change: dict[str, Any]
) -> None:
    """ESPnet's own builder reorders the keys, and loses the name if it is unknown."""
    config: Mapping[str, Any] = make_mapping({**OPTIONS, **change})
    before = list(config.items())
    if change:
        with pytest.raises(ConfigError):
            build_residual(config, 2, 8, 8)
    else:
        build_residual(config, 2, 8, 8)
    assert list(config.items()) == before


def test_options_of_a_config_are_not_shared_with_the_module() -> None:
    class Keeps(Residual):
        def __init__(self, *args: Any, table: dict[str, list[int]]) -> None:
            super().__init__(*args)
            table["row"].append(1)

    registry["keeps"] = Keeps
    config = {"_name_": "keeps", "table": {"row": [0]}}
    before = copy.deepcopy(config)
    build_residual(config, 1, 8, 8)
    del registry["keeps"]
    assert config == before


def test_many_threads_build_from_one_config() -> None:
    """ESPnet's builder takes the name out of the shared config for a moment."""
    shared = {**OPTIONS}

    def build(i_layer: int) -> nn.Module:
        return build_residual(shared, i_layer, 8, 8)

    with ThreadPoolExecutor(max_workers=8) as pool:
        modules = list(pool.map(build, [2, 4] * 400))
    assert {repr(module) for module in modules[::2]} == {repr(build(2))}
    assert {repr(module) for module in modules[1::2]} == {repr(build(4))}
    assert list(shared.items()) == list(OPTIONS.items())


@pytest.mark.parametrize(
    "cls", [CountsDepth, CountsDepthByKeyword, CountsDepthAmongOthers]
)
def test_number_of_sublayers_goes_to_a_class_that_declares_it(
    cls: type[CountsDepth],
) -> None:
    registry["counts"] = cls
    try:
        modules = [
            build_residual(config, 1, 8, 8, n_layers=12)
            for config in (cls, "counts", {"_name_": "counts"})
        ]
        told = build_residual({"_name_": "counts", "n_layers": 3}, 1, 8, 8, n_layers=12)
    finally:
        del registry["counts"]
    assert [module.n_layers for module in modules] == [12, 12, 12]
    assert told.n_layers == 3


@pytest.mark.parametrize("cls", [Residual, DecayResidual, Highway, TakesAnything])
def test_number_of_sublayers_stays_away_from_a_class_that_does_not_declare_it(
    cls: type[Residual],
) -> None:
    assert type(build_residual(cls, 1, 8, 8, n_layers=12)) is cls


@pytest.mark.parametrize("name", ["decays", "Decay", "dekay"])
@pytest.mark.parametrize("as_mapping", [False, True])
def test_unknown_name_is_told_with_the_valid_names_and_the_nearest(
    name: str, as_mapping: bool
) -> None:
    config = {"power": 1.0, "_name_": name} if as_mapping else name
    with pytest.raises(ConfigError) as caught:
        build_residual(config, 1, 8, 8)
    message = str(caught.value)
    key = "encoder_conf.residual._name_" if as_mapping else "encoder_conf.residual"
    assert message.startswith(f"{key}: unknown residual {name!r}")
    assert "did you mean 'decay'?" in message
    assert all(known in message for known in registry)


@pytest.mark.parametrize("config", [{}, {"power": 1.0}, OmegaConf.create({"l2": True})])
def test_missing_name_is_told(config: Any) -> None:
    """ESPnet says KeyError: '_name_' and no more."""
    with pytest.raises(ConfigError, match="^encoder_conf.residual: .*'_name_'"):
        build_residual(config, 1, 8, 8)


@pytest.mark.parametrize("config", [5, 0.5, True, ["decay"], [], b"decay", object()])
def test_config_that_is_no_name_mapping_or_class_is_refused(config: Any) -> None:
    with pytest.raises(ConfigError, match="^encoder_conf.residual: must be") as caught:
        build_residual(config, 1, 8, 8)
    assert repr(config) in str(caught.value)


@pytest.mark.parametrize("cls", [int, dict, object, nn.Module, nn.ReLU, nn.Linear])
def test_class_that_is_no_residual_function_is_refused(cls: Any) -> None:
    with pytest.raises(ConfigError, match=f"^encoder_conf.residual: .*{cls.__name__}"):
        build_residual(cls, 2, 8, 8)


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ({"_name_": "decay", "power": -1}, [".power: ", "-1", ">= 0", "Decay"]),
        ({"_name_": "decay", "power": "x"}, [".power: ", "'x'", "number", "Decay"]),
        ({"_name_": "D", "l2": "yes"}, [".l2: ", "'yes'", "true or false", "Decay"]),
        ({"_name_": "decay", "offset": None}, [".offset: ", "None", "number"]),
        ({"_name_": "affine", "scalar": 2}, [".scalar: ", "2", "true or false"]),
        ({"_name_": "highway", "elemwise": 1}, [".elemwise: ", "1", "true or false"]),
        ({"_name_": "residual", "alpha": []}, [".alpha: ", "[]", "finite number"]),
    ],
    ids=str,
)
def test_wrong_value_is_told_with_its_key_path_and_what_is_accepted(
    config: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        build_residual(config, 2, 8, 8)
    message = str(caught.value)
    assert message.startswith(f"encoder_conf.residual{parts[0]}")
    assert all(part in message for part in parts)
    assert registry[config["_name_"]].__name__ in message
    assert "accepts" in message


@pytest.mark.parametrize(
    ("name", "option", "accepted"),
    [
        ("decay", "pwer", "power, l2, offset; did you mean 'power'?"),
        ("decay", "alpha", "power, l2, offset"),
        ("decay", "beta", "power, l2, offset"),
        ("decay", "i_layer", "power, l2, offset"),
        ("affine", "gama", "alpha, beta, scalar, gamma; did you mean 'gamma'?"),
        ("highway", "alpha", "scaling_correction, elemwise, n_layers"),
        ("highway", "beta", "scaling_correction, elemwise, n_layers"),
        ("residual", "power", "alpha, beta"),
        ("none", "power", "no options"),
        ("feedforward", "alpha", "no options"),
        ("feedforward", "beta", "no options"),
    ],
)
def test_unknown_option_is_told_with_its_key_path_and_what_is_accepted(
    name: str, option: str, accepted: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build_residual({"_name_": name, option: 0.75}, 2, 8, 8)
    message = str(caught.value)
    assert message.startswith(f"encoder_conf.residual.{option}: ")
    assert registry[name].__name__ in message
    assert "0.75" in message
    assert message.endswith(f"accepts {accepted}")


def test_error_of_a_class_of_ones_own_is_told_with_its_options() -> None:
    registry["theirs"] = EspnetStyle
    try:
        with pytest.raises(ConfigError) as caught:
            build_residual({"_name_": "theirs", "power": "x"}, 2, 8, 8)
    finally:
        del registry["theirs"]
    message = str(caught.value)
    assert message.startswith("encoder_conf.residual: EspnetStyle")
    assert "power" in message and "'x'" in message
    assert isinstance(caught.value.__cause__, TypeError)


def test_unknown_option_of_a_class_that_takes_any_is_told() -> None:
    registry["any"] = TakesAnything
    try:
        assert build_residual({"_name_": "any", "beta": 0.5}, 2, 8, 8).beta == 0.5
        with pytest.raises(ConfigError, match="encoder_conf.residual: .*'gamma'"):
            build_residual({"_name_": "any", "gamma": 0.5}, 2, 8, 8)
    finally:
        del registry["any"]


def test_sizes_that_do_not_fit_are_told_with_the_key_path() -> None:
    with pytest.raises(ConfigError) as caught:
        build_residual("decay", 2, 8, 4)
    message = str(caught.value)
    assert message.startswith("encoder_conf.residual: ")
    assert "d_input=8" in message and "d_model=4" in message


def test_key_path_can_be_that_of_another_encoder() -> None:
    with pytest.raises(ConfigError, match="^decoder_conf.skip.power: "):
        build_residual(
            {"_name_": "decay", "power": -1}, 2, 8, 8, key="decoder_conf.skip"
        )
