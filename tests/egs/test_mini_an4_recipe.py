"""The recipe egs/mini_an4, from its data to a packed model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from espnet3.utils.config_utils import load_and_merge_config
from espnet3.utils.task_utils import get_espnet_model
from omegaconf import DictConfig, OmegaConf

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs" / "mini_an4" / "esp2_asr"
STAGES = (
    "create_dataset train_tokenizer collect_stats train infer measure pack_model"
).split()
CONFIGS = ("training", "inference", "metrics", "publication")
SHORT_TRAINING = {
    "trainer": {"max_epochs": 3, "log_every_n_steps": 1},
    "dataloader": {"train": {"iter_factory": {"num_iters_per_epoch": 2}}},
}


def run(recipe: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a Python command in the recipe folder; return it with its output."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *command],
        cwd=recipe,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all stages in a copy of the recipe that trains for six steps."""
    recipe = tmp_path_factory.mktemp("mini_an4") / "esp2_asr"
    unversioned = shutil.ignore_patterns("data", "downloads", "exp", "__pycache__")
    shutil.copytree(RECIPE, recipe, ignore=unversioned)
    training = recipe / "conf" / "training.yaml"
    OmegaConf.save(OmegaConf.merge(OmegaConf.load(training), SHORT_TRAINING), training)
    configs = [f"--{name}_config=conf/{name}.yaml" for name in CONFIGS]
    stages = run(recipe, "run.py", *configs, "--stages", *STAGES)
    assert stages.returncode == 0, stages.stdout[-5000:]
    return recipe


@pytest.mark.long
@pytest.mark.parametrize(
    "output",
    [
        "data/mini_an4/train.tsv",
        "exp/training/tokenizer/tokens.txt",
        "exp/training/stats/train/feats_shape",
        "exp/training/stats/valid/feats_shape",
        "exp/training/config.yaml",
        "exp/training/best.ckpt",
        "exp/training/inference/train/text.scp",
        "exp/training/inference/valid/text.scp",
        "exp/training/inference/test/text.scp",
        "exp/training/inference/metrics.json",
        "exp/training/model_pack/meta.yaml",
        "exp/training/model_pack/exp/training/best.ckpt",
        "exp/training/model_pack/exp/training/tokenizer/char.model",
    ],
)
def test_output(recipe: Path, output: str) -> None:
    assert (recipe / output).is_file()


@pytest.mark.long
def test_error_rates_of_all_splits(recipe: Path) -> None:
    metrics = json.loads((recipe / "exp/training/inference/metrics.json").read_text())
    test_sets = [set(rates) for rates in metrics.values()]
    assert test_sets == [{"train", "valid", "test"}] * 2


@pytest.mark.long
def test_demo_report(recipe: Path) -> None:
    report = run(recipe, "src/demo_report.py", "exp/training")
    assert "12        FeedForward  DecayResidual  0.957  0.289" in report.stdout
    assert "WER %" in report.stdout
    assert "(step 1) ->" in report.stdout
    assert "(step 6)" in report.stdout
    assert "The demo failed: the WER of the training utterances" in report.stdout
    assert report.returncode == 1


@pytest.fixture()
def training() -> DictConfig:
    """Return the recipe's training configuration, without files that stages make."""
    config = load_and_merge_config(
        RECIPE / "conf" / "training.yaml",
        config_name="training.yaml",
        default_package="egs3.TEMPLATE.esp2_asr",
    )
    config.model.token_list = ["<blank>", "<unk>", "A", "<sos/eos>"]
    return config


@pytest.mark.parametrize(
    "key, value, message",
    [
        ("residual._name_", "decays", r"encoder_conf\.residual.*'decays'.*decay"),
        ("residual.power", -1, r"encoder_conf\.residual\.power.*-1"),
        ("residual.pwer", 0.5, r"encoder_conf\.residual\.pwer.*power"),
        ("num_block", 4, r"num_block.*num_blocks"),
        ("num_blocks", 0, r"encoder_conf\.num_blocks.*0"),
    ],
)
def test_wrong_option_is_named(
    training: DictConfig, key: str, value: object, message: str
) -> None:
    OmegaConf.update(training.model.encoder_conf, key, value, force_add=True)
    model = OmegaConf.to_container(training.model, resolve=True)
    with pytest.raises(ValueError, match=message):
        get_espnet_model(training.task, model)
