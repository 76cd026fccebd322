"""What ESPnet knows after import and after register(), and what stays as it was."""

import logging
import os
import subprocess
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from espnet2.asr.encoder.abs_encoder import AbsEncoder

import espnet_residuals
from espnet_residuals import S4Encoder
from espnet_residuals.integration.registration import (
    add_encoder,
    add_residuals,
    replace_residuals,
)


def run(code: str) -> str:
    """Run code where nothing runs at start, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ESPNET_RESIDUALS_AUTOLOAD": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


# The others of ESPnet2 have a test each, in test_other_tasks.py.
TASKS = ("espnet2.tasks.asr", "espnet3.systems.esp2_asr.task")
IMPORT_TASKS = f"import {', '.join(TASKS)}\n"
SHOW_ENCODERS = (
    f"for task in ({', '.join(TASKS)}):\n" "    print(*task.encoder_choices.classes)\n"
)
SHOW_ESPNETS_RESIDUALS = (
    "from espnet2.asr.state_spaces.residual import registry\n"
    "print(registry['decay'].__module__, registry['rezero'].__module__)\n"
)


@pytest.mark.long
@pytest.mark.parametrize("order", ["tasks first", "tasks later"])
def test_import_adds_names_to_espnet_and_changes_none(
    order: str,
) -> None:
    parts = [IMPORT_TASKS, SHOW_ENCODERS, "import espnet_residuals\n"]
    if order == "tasks later":
        parts = ["import espnet_residuals\n", IMPORT_TASKS]
    *shown, residuals = run(
        "".join(parts) + SHOW_ENCODERS + SHOW_ESPNETS_RESIDUALS
    ).splitlines()
    assert all("s4" in line.split() for line in shown[-2:])
    decay, rezero = residuals.split()
    assert decay == "espnet2.asr.state_spaces.residual"
    assert rezero == "espnet_residuals.residual.rezero"
    if order == "tasks first":
        for before, after in zip(shown[:2], shown[2:]):
            assert set(after.split()) - set(before.split()) == {"s4"}


def test_register_twice_gives_espnets_sequence_model_our_classes() -> None:
    out = run(
        "import espnet_residuals\n"
        "espnet_residuals.register(); espnet_residuals.register()\n"
        "from espnet2.asr.state_spaces.model import SequenceModel\n"
        "m = SequenceModel(8, 2, layer=[{'_name_': 'ff'}], residual='decay',"
        " norm='layer')\n"
        "print(type(m.layers[1].residual).__module__, m.layers[1].residual.beta)"
    )
    assert out == f"espnet_residuals.residual.decay {2**-0.5}"


def test_register_does_not_import_espnets_tasks() -> None:
    out = run(
        "import sys, espnet_residuals\nespnet_residuals.register()\n"
        "print([n for n in sys.modules if n.startswith(('espnet2.tasks.', 'torch'))])"
    )
    assert out == "[]"


def task_module(**classes: Any) -> ModuleType:
    module = ModuleType("some_espnet_task")
    choices = SimpleNamespace(classes=classes, base_type=AbsEncoder)
    setattr(module, "encoder_choices", choices)
    return module


def test_encoder_name_that_espnet_has_is_left_alone_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Theirs(AbsEncoder):
        pass

    module = task_module(s4=Theirs)
    with caplog.at_level(logging.WARNING):
        add_encoder(module)
        add_encoder(module)
    classes = getattr(module, "encoder_choices").classes
    assert classes == {"s4": Theirs, "s4_residual": S4Encoder}
    assert len(caplog.records) == 1 and "'s4_residual'" in caplog.text


def test_espnet_of_another_shape_gets_a_warning_with_both_versions() -> None:
    with pytest.warns(RuntimeWarning, match=r"espnet-residuals .* could.*ESPnet 20\d+"):
        add_encoder(ModuleType("espnet_task_without_choices"))
    for change in (add_residuals, replace_residuals):
        with pytest.warns(RuntimeWarning, match="ESPnet works on"):
            change(ModuleType("espnet_residual_without_registry"))


def test_missing_espnet_module_gets_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from espnet_residuals.integration import registration

    monkeypatch.setattr(
        registration, "MODULES_WITH_ENCODERS", ("espnet2.tasks.no_such_task",)
    )
    with pytest.warns(RuntimeWarning, match="no_such_task.*there is no such module"):
        espnet_residuals.register()


def test_residual_that_somebody_else_registered_with_espnet_stays() -> None:
    from espnet2.asr.state_spaces import residual as theirs

    class Own(theirs.Residual):
        pass

    before = dict(theirs.registry)
    try:
        theirs.registry["decay"] = theirs.registry["rezero"] = Own
        add_residuals(theirs)
        replace_residuals(theirs)
        assert theirs.registry["rezero"] is Own
        assert theirs.registry["decay"] is Own
        assert theirs.registry["D"] is espnet_residuals.DecayResidual
    finally:
        theirs.registry.clear()
        theirs.registry.update(before)
