"""Values that no one means to write, but that a YAML can hold, get one line each."""

import datetime
import time
from typing import Any

import pytest
from omegaconf import OmegaConf

from espnet_residuals import ConfigError, S4Encoder
from espnet_residuals.config import shown


def refusal(**options: Any) -> ConfigError:
    """Return the error of an encoder, which must come at once and in one short line."""
    begin = time.process_time()
    with pytest.raises(ConfigError) as caught:
        S4Encoder(20, **{"output_size": 8, **options})
    assert time.process_time() - begin < 5
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000
    return caught.value


def bomb(height: int = 30) -> Any:
    """Return 10 ** height values in a few lists, as aliases of aliases are read."""
    value: Any = 1
    for _ in range(height):
        value = [value] * 10
    return value


def ring() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


OPTIONS = [
    *("output_size", "num_blocks", "input_layer", "layer", "residual", "norm"),
    *("prenorm", "dropout_rate", "drop_path", "interctc_layer_idx"),
    "interctc_use_conditioning",
]
ODD = {
    "5,000 digits": 10**5000,
    "aliases of aliases": bomb(),
    "an alias in itself": ring(),
    "a date": datetime.date(2026, 2, 3),
    "long text": "x" * 100_000,
    "bytes": b"s4d",
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("kind", ODD)
def test_odd_values_are_refused_with_the_key(kind: str, option: str) -> None:
    assert refusal(**{option: ODD[kind]}).key.startswith(f"encoder_conf.{option}")


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("option", ["residual.alpha", "layer.d_state", "layer.dropout"])
def test_odd_values_of_functions_and_layers_are_refused_with_the_key(
    kind: str, option: str
) -> None:
    section, name = option.split(".")
    config = {"_name_": "residual" if section == "residual" else "s4d", name: ODD[kind]}
    assert refusal(**{section: config}).key.startswith(f"encoder_conf.{section}")


@pytest.mark.parametrize("name", ["self", "input-size", "cls", ""])
def test_an_option_that_the_encoder_does_not_have_is_named(name: str) -> None:
    assert refusal(**{name: 1}).key == f"encoder_conf.{name}"


@pytest.mark.parametrize("value", ["???", "${nowhere}", "${oc.env:NO_SUCH_VARIABLE}"])
@pytest.mark.parametrize(
    ("key", "config"),
    [
        ("residual._name_", {"residual": {"_name_": "VALUE"}}),
        ("residual.power", {"residual": {"_name_": "decay", "power": "VALUE"}}),
        ("residual", {"residual": "VALUE"}),
        ("layer[1]", {"layer": ["ff", "VALUE"]}),
        ("layer[0].d_state", {"layer": [{"_name_": "s4d", "d_state": "VALUE"}]}),
        ("interctc_layer_idx[0]", {"interctc_layer_idx": ["VALUE"]}),
    ],
)
def test_what_omegaconf_cannot_give_is_named(
    key: str, config: dict[str, Any], value: str
) -> None:
    (option,) = config
    text = OmegaConf.to_yaml(OmegaConf.create(config)).replace("VALUE", f"'{value}'")
    node = OmegaConf.create(text)._get_node(option)
    # What is no mapping or list OmegaConf gives to nobody.
    given = node if OmegaConf.is_config(node) else value
    assert refusal(**{option: given}).key == f"encoder_conf.{key}"


@pytest.mark.parametrize(
    "num_blocks",
    [10_000, 3_000_000, 2**31 - 1, 2**31, 10**5000],
    ids=["thousands", "millions", "31 bits", "32 bits", "5,000 digits"],
)
def test_millions_of_blocks_are_refused_before_they_are_built(num_blocks: int) -> None:
    assert refusal(num_blocks=num_blocks).key == "encoder_conf.num_blocks"


def test_deep_nesting_is_refused() -> None:
    value: Any = "ff"
    for _ in range(100_000):
        value = [value]
    assert refusal(layer=value).key == "encoder_conf.layer"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        ({"b": 1, "a": [2, "x"]}, "{'b': 1, 'a': [2, 'x']}"),
        ([1] * 200, "list, too large to show"),
        (10**5000, "int, too long to show"),
        ({"a": [10**5000]}, "dict, too long to show"),
        (ring(), "list, too large to show"),
    ],
    ids=["number", "mapping", "long list", "digits", "digits in a mapping", "ring"],
)
def test_a_value_is_shown_as_it_is_unless_it_is_long(value: Any, text: str) -> None:
    assert shown(value) == text
