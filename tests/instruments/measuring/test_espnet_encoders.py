"""Encoders of ESPnet by name; slow only for the import of ESPnet's tasks."""

from pathlib import Path

import pytest

from espnet_residuals.cli import main


def probe(tmp_path: Path, text: str, *options: str) -> int:
    config = tmp_path / "config.yaml"
    config.write_text(text, encoding="utf-8")
    return main(["probe", str(config), "--frames", "60", *options])


@pytest.mark.parametrize("name", ["conformer", "e_branchformer"])
def test_layers_are_measured(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conf = "{output_size: 8, attention_heads: 2, linear_units: 16}"
    text = f"encoder: {name}\nencoder_conf: {conf}\n"
    assert probe(tmp_path, text, "--layers", "3") == 0
    assert "3 sublayers" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("encoder: conformr", 6, "did you mean 'conformer'?"),
        ("encoder: rnn", 6, "RNNEncoder cannot be probed"),
        (
            "encoder: transformer\nencoder_conf:\n  heads: 4",
            7,
            "line 3: encoder_conf.heads: TransformerEncoder has no option 'heads'",
        ),
    ],
)
def test_what_cannot_be_probed_says_why(
    text: str,
    code: int,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert probe(tmp_path, text) == code
    assert message in capsys.readouterr().err
