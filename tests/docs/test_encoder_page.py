"""docs/encoder.md: what it shows builds and runs, and its tables are complete."""

import inspect
import re

import yaml

from espnet_residuals import S4Encoder
from espnet_residuals.layers import layer_registry
from tests.docs.page import blocks, run
from tests.environment import ROOT

PAGE = ROOT.joinpath("docs", "encoder.md").read_text(encoding="utf-8")
ENCODER = yaml.safe_load(blocks(PAGE, "yaml")[0])

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


def test_streaming_example_runs() -> None:
    (code,) = blocks(PAGE, "python")
    assert run(code)["frames"].size(2) == 64
