"""docs/encoder.md: what it shows builds and runs, and its tables are complete."""

import inspect
import re

import yaml

from espnet_residuals import S4Encoder
from espnet_residuals.layers import build_layer, layer_registry
from tests.docs.page import blocks, run
from tests.environment import ROOT

PAGE = ROOT.joinpath("docs", "encoder.md").read_text(encoding="utf-8")
ENCODER, OPTIMIZER = map(yaml.safe_load, blocks(PAGE, "yaml"))

# What the encoder hands over by itself, or what torch wants.
NOT_IN_YAML = {"self", "d_model", "start_gain", "device", "dtype"}


def test_yaml_has_every_option_with_its_default_but_for_the_residual() -> None:
    shown = ENCODER["encoder_conf"]
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(S4Encoder).parameters.items()
        if name not in ("input_size", "unknown")
    }
    assert set(shown) == set(defaults)
    special = {"layer", "residual", "interctc_layer_idx"}
    for name in set(shown) - special:
        assert shown[name] == defaults[name], name
    of_page = S4Encoder(80, **{**shown, "residual": "residual"})
    assert [*of_page.state_dict()] == [*S4Encoder(80).state_dict()]


def test_table_has_the_options_of_every_layer() -> None:
    for name, cls in layer_registry.items():
        (row,) = re.findall(rf"^\| `{name}` \|.*\| (.*) \|$", PAGE, flags=re.MULTILINE)
        options = set(inspect.signature(cls).parameters) - NOT_IN_YAML
        assert options <= set(re.findall(r"`(\w+)`", row)), name


def test_optimizer_takes_the_options_shown() -> None:
    settings = dict(OPTIMIZER["optimizer"])
    module, _, function = settings.pop("_target_").rpartition(".")
    grouped = getattr(__import__(module, fromlist=[function]), function)
    layer = build_layer({"_name_": "s4d", "lr": 0.001}, 8)
    optimizer = grouped(layer.parameters(), **settings)
    assert {group["lr"] for group in optimizer.param_groups} == {0.002, 0.001}


def test_streaming_example_runs() -> None:
    (code,) = blocks(PAGE, "python")
    assert run(code)["frames"].size(2) == 64
