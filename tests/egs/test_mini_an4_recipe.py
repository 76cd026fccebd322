"""The recipe egs/mini_an4, from its data to a packed model."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from espnet3.utils.config_utils import load_and_merge_config
from espnet3.utils.task_utils import get_espnet_model
from omegaconf import DictConfig, OmegaConf

import espnet_residuals  # noqa: F401  (makes the encoder known to this process)
from tests.environment import ROOT, Environment
from tests.routes.page import block

RECIPE = ROOT / "egs" / "mini_an4" / "esp2_asr"
SHORT_TRAINING = {
    "trainer": {"max_epochs": 3, "log_every_n_steps": 1},
    "dataloader": {"train": {"iter_factory": {"num_iters_per_epoch": 2}}},
}

# With `center` the frontend depends on how far a batch is padded; and Adam follows the
# sign of what is only rounding.
COMPARABLE = {
    "model": {"frontend_conf": {"center": False}},
    "optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1},
    "trainer": {"precision": "64-true"},
}
ONE_PROCESS = {
    "num_device": 1,
    "trainer": {"strategy": "auto"},
    "dataloader": {"train": {"dist_world_size": 1}},
}


@pytest.fixture(scope="module")
def recipe(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all stages in a copy of the recipe that trains for six steps."""
    recipe = tmp_path_factory.mktemp("mini_an4") / "esp2_asr"
    unversioned = shutil.ignore_patterns("data", "downloads", "exp", "__pycache__")
    shutil.copytree(RECIPE, recipe, ignore=unversioned)
    write_configurations(recipe / "conf")
    environment.run(block("All stages"), recipe)
    return recipe


def write_configurations(conf: Path) -> None:
    """Shorten the training; write the copies that docs/routes.md speaks of."""
    training = OmegaConf.merge(OmegaConf.load(conf / "training.yaml"), SHORT_TRAINING)
    workers = OmegaConf.create(block("Statistics by Dask workers", "yaml"))
    by_name = OmegaConf.create(block("An ESPnet3 recipe", "yaml"))
    ranks = OmegaConf.create(block("Two processes of ESPnet3", "yaml"))
    two_ranks = OmegaConf.merge(training, ranks, COMPARABLE)
    one_rank = OmegaConf.merge(two_ranks, ONE_PROCESS)
    by_name_training = OmegaConf.merge(training, {"task": by_name.task})
    inference = OmegaConf.load(conf / "inference.yaml")
    by_name_inference = OmegaConf.merge(inference, {"model": by_name.model})
    OmegaConf.save(by_name_training, conf / "by_name.yaml")
    OmegaConf.save(by_name_inference, conf / "inference_by_name.yaml")
    OmegaConf.save(training, conf / "training.yaml")
    OmegaConf.save(OmegaConf.merge(training, workers), conf / "parallel.yaml")
    OmegaConf.save(two_ranks, conf / "ranks.yaml")
    OmegaConf.save(one_rank, conf / "one_rank.yaml")


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
def test_demo_report(environment: Environment, recipe: Path) -> None:
    command = "python src/demo_report.py exp/training || echo exit code $?"
    report = environment.run(command, recipe)
    assert "12        FeedForward  DecayResidual  0.957  0.289" in report
    assert "WER %" in report
    assert "(step 1) ->" in report
    assert "(step 6)" in report
    assert "The demo failed: the WER of the training utterances" in report
    assert report.endswith("exit code 1\n")


@pytest.mark.long
def test_statistics_of_dask_workers_are_the_same(
    environment: Environment, recipe: Path
) -> None:
    environment.run(block("Statistics by Dask workers"), recipe)
    for split in ("train", "valid"):
        alone, parallel = (
            recipe.joinpath("exp", tag, "stats", split, "feats_shape").read_text()
            for tag in ("training", "parallel")
        )
        assert sorted(parallel.splitlines()) == sorted(alone.splitlines())


@pytest.mark.long
def test_two_processes_end_with_the_parameters_of_one(
    environment: Environment, recipe: Path
) -> None:
    command = block("Two processes of ESPnet3")
    environment.run(command, recipe)
    environment.run(command.replace("ranks.yaml", "one_rank.yaml"), recipe)
    one, two = (
        torch.load(recipe / "exp" / tag / "last.ckpt", weights_only=False)["state_dict"]
        for tag in ("one_rank", "ranks")
    )
    torch.testing.assert_close(two, one, rtol=1e-9, atol=1e-9)


@pytest.mark.long
def test_names_in_the_yaml_serve_where_nothing_runs_at_start(
    environment: Environment, recipe: Path
) -> None:
    environment.run(block("An ESPnet3 recipe"), recipe, ESPNET_RESIDUALS_AUTOLOAD="0")
    for test_set in ("train", "valid", "test"):
        decoded = recipe / "exp/by_name/inference_by_name" / test_set / "text.scp"
        assert decoded.is_file()


@pytest.mark.long
def test_packed_model_opens_without_trust_and_decodes_as_the_recipe_did(
    environment: Environment, recipe: Path
) -> None:
    (recipe / "decode.py").write_text(block("A packed model", "python"))
    printed = environment.run("python decode.py 2>messages", recipe)
    manifest = (recipe / "data/mini_an4/train.tsv").read_text().splitlines()
    decoded = (recipe / "exp/training/inference/train/text.scp").read_text()
    (text,) = [
        line.partition(" ")[2]
        for line, utterance in zip(decoded.splitlines(), manifest)
        if utterance.startswith("cen8-mwhw-b")
    ]
    assert printed == f"{text}\n" and text


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
