"""The package as it is imported: light, complete, and loaded on first use."""

import inspect
import re
import subprocess
import sys
from pydoc import locate

import pytest

import espnet_residuals
from tests.environment import ROOT

PACKAGE = "espnet_residuals"


def modules_after(code: str) -> set[str]:
    """Return the modules that a fresh interpreter holds after running code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_import_loads_neither_torch_nor_espnet_nor_lightning() -> None:
    loaded = modules_after("import espnet_residuals")
    assert not {"torch", "espnet2", "espnet3", "lightning", "numpy"} & loaded


def test_residuals_load_no_espnet_and_no_encoder() -> None:
    loaded = modules_after("import espnet_residuals.residual")
    assert "torch" in loaded
    assert not [name for name in loaded if name.startswith(("espnet2", "espnet3"))]
    assert "espnet_residuals.encoder" not in loaded


def test_state_space_layer_loads_no_residual_and_no_espnet() -> None:
    loaded = modules_after("import espnet_residuals.ssm")
    assert not [name for name in loaded if name.startswith(("espnet2", "espnet3"))]
    assert "espnet_residuals.residual" not in loaded


def test_building_blocks_load_no_residual_no_layer_and_no_encoder() -> None:
    loaded = modules_after("import espnet_residuals.nn.activated_linear")
    rooms = {name.split(".")[1] for name in loaded if name.startswith(f"{PACKAGE}.")}
    # The package itself loads integration; config is what everything may use.
    assert rooms == {"config", "integration", "nn"}


@pytest.mark.parametrize(
    "path",
    [
        "callbacks.LayerStats",
        "inference.Speech2Text",
        "inference.Speech2TextStreaming",
        "optimizer.grouped",
        "tasks.ASRTask",
    ],
)
def test_path_that_a_yaml_names_can_be_imported(path: str) -> None:
    assert callable(locate(f"{PACKAGE}.{path}"))


def test_encoder_loads_no_task() -> None:
    loaded = modules_after("import espnet_residuals.encoder")
    assert not [name for name in loaded if ".tasks." in name or name == "lightning"]


@pytest.mark.parametrize("name", espnet_residuals.__all__)
def test_every_public_name_loads(name: str) -> None:
    assert getattr(espnet_residuals, name) is getattr(espnet_residuals, name)


def test_subpackages_load_by_attribute() -> None:
    modules = modules_after(
        "import espnet_residuals; espnet_residuals.residual.registry['decay']"
    )
    assert "espnet_residuals.residual" in modules


def test_version_is_the_same_everywhere() -> None:
    setup = ROOT.joinpath("setup.py").read_text(encoding="utf-8")
    changes = ROOT.joinpath("CHANGELOG.md").read_text(encoding="utf-8")
    version = espnet_residuals.__version__
    assert f'version="{version}"' in setup
    assert re.findall(r"^## \[([\d.]+)\]", changes, flags=re.MULTILINE)[0] == version


@pytest.mark.parametrize("name", espnet_residuals.__all__)
def test_help_of_every_public_name_has_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(espnet_residuals, name)) or ""
    assert ">>> " in text


def test_unknown_name_gives_the_usual_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'DecayResidul'"):
        espnet_residuals.DecayResidul
