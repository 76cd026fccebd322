"""Keys that are misspelled, and keys that only look so."""

import re
from pathlib import Path

import espnet2.tasks
import pytest
import yaml

from espnet_residuals.cli import main
from espnet_residuals.instruments.failure import Exit
from espnet_residuals.instruments.reading.training_yaml import misspelled
from tests.instruments.recipe import write_recipe

RECIPES = sorted((Path(__file__).parents[3] / "egs").glob("*/*/conf/*.yaml"))


@pytest.mark.parametrize("espnet3", [False, True])
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("encoder_conf", "encoder_cnf"),
        ("encoder_conf", "encoder_config"),
        ("encoder_conf", "enc_conf"),
        ("encoder_conf", "Encoder-conf"),
        ("frontend_conf", "fronted_conf"),
    ],
)
def test_misspelled_key_is_told_with_its_line(
    right: str,
    wrong: str,
    espnet3: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = write_recipe(tmp_path, espnet3)
    text = re.sub(rf"\b{right}:", f"{wrong}:", config.read_text(encoding="utf-8"))
    config.write_text(text, encoding="utf-8")
    assert main(["probe", str(config), "--frames", "30"]) == Exit.OPTION
    place, key, rest = capsys.readouterr().err.rsplit(": ", 2)
    assert key == ("model." if espnet3 else "") + wrong
    assert rest == f"unknown key; did you mean {right!r}?\n"
    line = text.splitlines()[int(place.rsplit("line ", 1)[1]) - 1]
    assert line.strip() == f"{wrong}:"


def test_misspelled_key_is_told_beside_the_right_one_of_another_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(tmp_path)
    config = tmp_path / "deeper.yaml"
    text = "defaults: [training]\nmodel:\n  encoder_cnf: {num_blocks: 3}"
    config.write_text(text, encoding="utf-8")
    assert main(["probe", str(config)]) == Exit.OPTION
    assert f"{config}, line 3: model.encoder_cnf: " in capsys.readouterr().err


def test_options_outside_of_the_model_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "training.yaml"
    text = "model:\n  encoder: s4\nencoder_conf:\n  num_blocks: 3"
    config.write_text(text, encoding="utf-8")
    assert main(["probe", str(config)]) == Exit.OPTION
    said = capsys.readouterr().err
    assert f"{config}, line 3: encoder_conf: stands outside of 'model'" in said


def test_no_key_of_a_task_of_espnet_counts_as_misspelled() -> None:
    """Read as text: some tasks need packages that are not here."""
    folder = Path(espnet2.tasks.__path__[0])
    source = "".join(p.read_text(encoding="utf-8") for p in folder.glob("*.py"))
    parts = re.findall(r'ClassChoices\(\s*(?:name=)?"(\w+)"', source)
    keys = {f"{part}_conf" for part in parts} | set(re.findall(r'"--(\w+)"', source))
    assert {"encoder_conf", "decoder_conf", "ctc_conf"} <= keys
    assert not list(misspelled({key: {} for key in keys}))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: "/".join(path.parts[-4:]))
def test_recipes_have_no_misspelled_key(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert not list(misspelled(document))
    assert not list(misspelled(document.get("model", {})))


def test_key_without_options_is_left_alone() -> None:
    assert not list(misspelled({"encoder_config": "large", "encodr_conf": None}))
