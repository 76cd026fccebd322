"""What the README shows works as it stands, and its numbers are those measured."""

import inspect
import json
import re
from pathlib import Path
from statistics import mean

import pytest
import yaml
from espnet2.asr.encoder.conformer_encoder import ConformerEncoder
from espnet2.asr.state_spaces import residual as espnet_residual

from benchmarks.result import load_results
from espnet_residuals import S4Encoder, registry
from espnet_residuals.config import ConfigError
from espnet_residuals.layers import layer_registry
from espnet_residuals.residual.description import names_of_classes
from tests.docs.page import blocks, broken_links
from tests.environment import ROOT

README = ROOT.joinpath("README.md").read_text(encoding="utf-8")
CELLS = ROOT / "egs" / "fsdd" / "esp2_asr" / "evidence" / "cells"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks" / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("egs/**/[A-Z]*.md")),
]


def test_readme_is_one_screen_and_some() -> None:
    assert len(README.splitlines()) <= 150


def test_yaml_before_and_after_builds() -> None:
    before, after, mixed = map(yaml.safe_load, blocks(README, "yaml"))
    assert before["encoder"] == "conformer"
    ConformerEncoder(80, **before["encoder_conf"])
    assert after["encoder"] == mixed["encoder"] == "s4"
    assert len(S4Encoder(80, **after["encoder_conf"]).stack.sublayers) == 3 * 12
    first = S4Encoder(80, **mixed["encoder_conf"]).stack.sublayers[0]
    assert type(first.residual) is registry["rezero"]


def test_message_of_a_wrong_option_is_the_one_shown() -> None:
    with pytest.raises(ConfigError) as error:
        S4Encoder(80, residual={"_name_": "decay", "pwer": 0.5})
    assert str(error.value) in README.replace("\n", " ")


def test_commands_are_those_of_the_makefile() -> None:
    makefile = ROOT.joinpath("Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))
    shown = set(re.findall(r"make ([a-z0-9-]+)", README))
    assert {"demo", "test", "test-all", "evidence"} <= shown <= targets


def word_error_rate(study: str, name: str, test_set: str) -> float:
    """Return the mean over the seeds of one configuration's cells."""
    lines = (CELLS / f"{study}.jsonl").read_text(encoding="utf-8").splitlines()
    cells = [cell for cell in map(json.loads, lines) if cell["name"] == name]
    assert len(cells) == 3
    return mean(cell["wer"][test_set] for cell in cells)


def figure(measurement: str, case: dict[str, int], other: str | None = None) -> float:
    """Return the figure of a benchmark's row, of time and with one thread."""
    (result,) = load_results(ROOT / "benchmarks" / "results", [measurement])
    (found,) = (
        row.figure()
        for row in result.rows
        if row.threads == 1
        and row.quantity != "peak memory"
        and case.items() <= row.case.items()
        and (row.other is None or other in row.other.name)
    )
    return found


def row_of(subject: str) -> str:
    """Return the line of the README's table about a subject."""
    (line,) = (line for line in README.splitlines() if line.startswith(f"| {subject}"))
    return line


@pytest.mark.parametrize(
    ("subject", "number", "command"),
    [
        (
            "`decay` at 24 sublayers",
            f"{word_error_rate('function', 'decay 0.012', 'test'):.1f} %",
            "make evidence",
        ),
        (
            "words wrong with a speaker",
            f"{word_error_rate('encoder', 's4-conv-ff 0.012', 'unseen'):.1f} %",
            "make evidence",
        ),
        (
            "words wrong with a speaker",
            "E-Branchformer "
            f"{word_error_rate('encoder', 'e_branchformer 0.001', 'unseen'):.1f} %",
            "make evidence",
        ),
        (
            "training step",
            f"{figure('encoders', {'T': 2000}, 'E-Branchformer'):.1f} times as fast",
            "python -m benchmarks --only encoders",
        ),
        (
            "S4D kernel",
            f"{figure('kernel', {'L': 2000}, 'ESPnet'):.1f} times as fast",
            "python -m benchmarks --only kernel",
        ),
        (
            "streams",
            f"real-time factor {figure('streaming', {'chunk': 16}):.2f}",
            "python -m benchmarks --only streaming",
        ),
    ],
)
def test_number_is_the_one_measured_and_has_its_command(
    subject: str, number: str, command: str
) -> None:
    assert f" {number} " in row_of(subject)
    assert f"`{command}`" in row_of(subject)


def test_residual_functions_are_counted() -> None:
    ours = [
        cls
        for cls in names_of_classes(registry)
        if cls.__module__.startswith("espnet_residuals.")
    ]
    # Not its registry: register(), which other tests call, puts ours there.
    theirs = [
        found
        for found in vars(espnet_residual).values()
        if inspect.isclass(found) and found.__module__ == espnet_residual.__name__
    ]
    assert (len(ours), len(theirs)) == (15, 5)
    assert "five" in row_of("residual functions")
    assert "fifteen" in row_of("residual functions")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert not broken_links(page)


def test_tables_name_every_layer_and_residual() -> None:
    named = {
        page: set(re.findall(r"`(\w+)`", (ROOT / "docs" / page).read_text("utf-8")))
        for page in ("encoder.md", "residuals.md")
    }
    assert set(layer_registry) <= named["encoder.md"]
    assert set(registry) <= named["residuals.md"]
