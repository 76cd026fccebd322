"""A model is found in the folder of its experiment, from wherever one looks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from espnet_residuals import ConfigError
from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.streaming.model_folder import find_files
from tests.streaming.models import MODEL, save_model, write_statistics


def experiment(folder: Path, *names: str) -> Path:
    for name in ("config.yaml", *names):
        (folder / name).touch()
    return folder


@pytest.mark.parametrize(
    "names, chosen",
    [
        (["valid.acc.ave.pth", "valid.acc.ave_10best.pth"], "valid.acc.ave.pth"),
        (
            ["valid.wer.ave_2best.pth", "valid.wer.ave_10best.pth", "3epoch.pth"],
            "valid.wer.ave_10best.pth",
        ),
        (["valid.acc.best.pth", "latest.pth"], "valid.acc.best.pth"),
        (["best.ckpt", "last.ckpt"], "best.ckpt"),
    ],
)
def test_mean_of_most_epochs_is_chosen(
    tmp_path: Path, names: list[str], chosen: str
) -> None:
    found = find_files(experiment(tmp_path, *names))
    assert found == (tmp_path / "config.yaml", tmp_path / chosen)


def test_named_file_is_taken(tmp_path: Path) -> None:
    experiment(tmp_path, "valid.acc.ave.pth", "3epoch.pth")
    assert find_files(tmp_path, "3epoch.pth").weights == tmp_path / "3epoch.pth"


@pytest.mark.parametrize(
    "names, reason",
    [
        (["valid.acc.ave.pth", "valid.loss.ave.pth"], "acc.ave.pth, .*name the one"),
        (["latest.pth"], "no parameters of a known name"),
    ],
)
def test_doubt_is_no_choice(tmp_path: Path, names: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=f"asr_model_file: .*{reason}"):
        find_files(experiment(tmp_path, *names))


def recipe(folder: Path) -> Path:
    """Make a recipe's folder with an experiment whose paths count from the folder."""
    (folder / "exp" / "asr").mkdir(parents=True)
    write_statistics(folder / "exp" / "stats.npz")
    (folder / "exp" / "tokens.txt").write_text("\n".join(MODEL["token_list"]))
    changes: dict[str, Any] = {
        "token_list": "./exp/tokens.txt",
        "normalize": "global_mvn",
        "normalize_conf": {"stats_file": "exp/stats.npz"},
    }
    save_model(Path("exp") / "asr", **changes)
    return folder / "exp" / "asr"


def test_experiment_is_read_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = recipe(tmp_path)
    samples = np.random.default_rng(0).standard_normal(4_000)
    here = Speech2TextStreaming.from_pretrained("exp/asr", dtype="float64")
    monkeypatch.chdir("/")
    there = Speech2TextStreaming.from_pretrained(str(found), dtype="float64")
    assert there(samples)[0].token_ids == here(samples)[0].token_ids
    assert there.asr_model.normalize.mean[0] == -8


def test_experiment_apart_from_its_recipe_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = recipe(tmp_path)
    (tmp_path / "exp" / "stats.npz").unlink()
    with pytest.raises(ConfigError, match="exp/stats.npz, which are not all there"):
        Speech2TextStreaming.from_pretrained(str(found))


def test_what_espnet3_packed_is_read_as_its_inference_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe(tmp_path)
    (tmp_path / "conf").mkdir()
    meta = {"yaml_files": {"inference_config": "conf/inference.yaml"}}
    (tmp_path / "meta.yaml").write_text(yaml.safe_dump(meta))
    inference = {
        "recipe_dir": ".",
        "model": {
            "_target_": "src.greedy.GreedySpeech2Text",
            "asr_train_config": "${recipe_dir}/exp/asr/config.yaml",
            "asr_model_file": "${recipe_dir}/exp/asr/valid.loss.ave.pth",
        },
    }
    (tmp_path / "conf" / "inference.yaml").write_text(yaml.safe_dump(inference))
    monkeypatch.chdir("/")
    decoder = Speech2TextStreaming.from_pretrained(str(tmp_path))
    assert decoder(torch.randn(4_000))[0].text
