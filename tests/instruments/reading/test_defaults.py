"""A training YAML that builds on another, as in ESPnet3's recipes."""

from pathlib import Path

import pytest

from espnet_residuals.cli import main
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.measuring.probing import Request, probe
from tests.instruments.recipe import write_recipe

DEEPER = """
defaults:
  - training
  - _self_
blocks: 3
model:
  encoder_conf:
    num_blocks: ${blocks}
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_encoder_is_that_of_both_files(tmp_path: Path) -> None:
    whole = write_recipe(tmp_path, num_blocks=3)
    expected = probe(Request(whole, frames=30)).profiles
    write_recipe(tmp_path)
    (tmp_path / "conf").mkdir()
    deeper = DEEPER.replace("- training", "- ../training")
    path = write(tmp_path / "conf" / "deeper.yaml", deeper)
    again = write(tmp_path / "conf" / "again.yaml", "defaults: [deeper]")
    assert probe(Request(path, frames=30)).profiles == expected
    assert probe(Request(again, frames=30)).profiles == expected


@pytest.mark.parametrize(
    ("options", "deeper", "place"),
    [
        ({}, DEEPER.replace("${blocks}", "0"), "deeper.yaml, line 8"),
        ({"num_blocks": 1, "residual": "dekay"}, DEEPER, "training.yaml, line "),
    ],
)
def test_wrong_option_is_told_with_the_file_that_has_it(
    options: dict[str, object], deeper: str, place: str, tmp_path: Path
) -> None:
    write_recipe(tmp_path, **options)
    with pytest.raises(Failure) as caught:
        probe(Request(write(tmp_path / "deeper.yaml", deeper)))
    assert caught.value.code is Exit.OPTION
    assert str(caught.value).startswith(f"{tmp_path}/{place}")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("defaults: [nowhere]", Exit.FILE),
        ("defaults: [{model: nowhere}]", Exit.FILE),
        ("defaults: [training.json]", Exit.FILE),
        ("defaults: [broken]", Exit.YAML),
        ("defaults: training", Exit.YAML),
        ("defaults: [3]", Exit.YAML),
        ("defaults: [{model: 3}]", Exit.YAML),
    ],
)
def test_missing_and_broken_files_are_told(
    text: str, code: Exit, tmp_path: Path
) -> None:
    write(tmp_path / "broken.yaml", "a: [")
    with pytest.raises(Failure) as caught:
        probe(Request(write(tmp_path / "deeper.yaml", text)))
    assert caught.value.code is code


@pytest.mark.parametrize(
    ("files", "asked", "place", "cycle"),
    [
        ({"a": "[a]"}, "a", "a.yaml, line 2", "a a"),
        ({"a": "[_self_, b]", "b": "\n- a"}, "a", "b.yaml, line 3", "a b a"),
        ({"a": "[b]", "b": "[c]", "c": "[b]"}, "a", "c.yaml, line 2", "b c b"),
        ({"a": "[{model: ./a}]"}, "a", "a.yaml, line 2", "a a"),
    ],
)
def test_files_that_build_on_themselves_are_refused(
    files: dict[str, str],
    asked: str,
    place: str,
    cycle: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, entries in files.items():
        write(Path(f"{name}.yaml"), f"encoder: s4\ndefaults: {entries}")
    assert main(["probe", f"{asked}.yaml"]) == Exit.YAML
    said = capsys.readouterr().err
    shown = " -> ".join(f"{name}.yaml" for name in cycle.split())
    assert said.startswith(f"espnet-residuals: {place}: defaults[")
    assert said.endswith(f"]: the file builds on itself: {shown}\n")


def test_file_that_two_build_on_is_no_cycle(tmp_path: Path) -> None:
    write_recipe(tmp_path)
    for name in ("left", "right"):
        write(tmp_path / f"{name}.yaml", "defaults: [training]")
    both = write(tmp_path / "both.yaml", "defaults: [left, right]")
    assert len(probe(Request(both, frames=30)).profiles) == 1
