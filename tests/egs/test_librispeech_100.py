"""The LibriSpeech recipes: their models, two steps of training, and their scripts."""

import random
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
import torch
import yaml
from espnet2.bin import asr_inference
from espnet2.tasks.asr import ASRTask
from espnet3.utils.config_utils import load_and_merge_config
from espnet3.utils.task_utils import get_espnet_model
from omegaconf import OmegaConf

import espnet_residuals  # noqa: F401  (makes the encoder known to this process)
from tests.environment import ROOT, Environment

ASR1 = ROOT / "egs" / "librispeech_100" / "asr1"
ESP2_ASR = ROOT / "egs" / "librispeech_100" / "esp2_asr"
NAMES = ("s4_decay", "s4_residual")

WORDS = [f"WORD{number}" for number in range(4997)]
TOKENS = ["<blank>", "<unk>", *WORDS, "<sos/eos>"]
UTTERANCES = ("1-1-0000", "1-1-0001", "1-1-0002", "1-1-0003")

# On a CPU, and two steps.
ESPNET2_SETTINGS: dict[str, Any] = {
    "token_type": "word",
    "token_list": "tokens.txt",
    "train_data_path_and_name_and_type": [
        ["wav.scp", "speech", "sound"],
        ["text", "text", "text"],
    ],
    "valid_data_path_and_name_and_type": [
        ["wav.scp", "speech", "sound"],
        ["text", "text", "text"],
    ],
    "batch_type": "unsorted",
    "batch_size": 2,
    "accum_grad": 1,
    "num_iters_per_epoch": 2,
    "max_epoch": 1,
    "num_workers": 0,
    "num_att_plot": 0,
    "use_amp": False,
}
ESPNET3_SETTINGS: dict[str, Any] = {
    "parallel": None,
    "dataloader": {
        "train": {
            "iter_factory": {
                "num_workers": 0,
                "batches": {"type": "unsorted", "batch_size": 2},
            }
        }
    },
    "trainer": {
        "accelerator": "cpu",
        "accumulate_grad_batches": 1,
        "max_epochs": 1,
        "log_every_n_steps": 1,
    },
}


@pytest.fixture(scope="module")
def asr1(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the statistics that asr.sh makes; return the folder of the data."""
    folder = tmp_path_factory.mktemp("asr1")
    words = random.Random(0)
    wavs, texts = [], []
    for name in UTTERANCES:
        write_noise(folder / f"{name}.wav")
        wavs.append(f"{name} {name}.wav\n")
        texts.append(f"{name} {' '.join(words.choices(WORDS, k=3))}\n")
    (folder / "wav.scp").write_text("".join(wavs))
    (folder / "text").write_text("".join(texts))
    (folder / "tokens.txt").write_text("".join(f"{token}\n" for token in TOKENS))
    for name in NAMES:
        config = {**asr1_config(name), **ESPNET2_SETTINGS}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    environment.run(
        "python -m espnet2.bin.asr_train --config s4_decay.yaml --collect_stats true "
        "--train_shape_file wav.scp --valid_shape_file wav.scp --output_dir stats",
        folder,
    )
    return folder


@pytest.fixture(scope="module")
def recipe(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay our configurations over ESPnet's recipe; return its folder."""
    folder = tmp_path_factory.mktemp("overlay of ours")
    return overlay(environment, folder)


@pytest.fixture(scope="module")
def librispeech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a corpus of noise in the layout of LibriSpeech; return its folder.

    There are many more transcripts than recordings: enough for 5000 pieces of words.
    """
    folder = tmp_path_factory.mktemp("corpus") / "LibriSpeech"
    letters = random.Random(0)
    for split in ("train-clean-100", "dev-clean", "dev-other"):
        chapter = folder / split / "1" / "1"
        chapter.mkdir(parents=True)
        for name in UTTERANCES:
            write_noise(chapter / f"{name}.flac")
        lines = []
        for number in range(3000):
            words = ("".join(letters.choices("AEIOUBDGKLMNRST", k=6)) for _ in range(8))
            lines.append(f"1-1-{number:04} {' '.join(words)}\n")
        (chapter / "1-1.trans.txt").write_text("".join(lines))
    for split in ("test-clean", "test-other"):
        (folder / split).mkdir()
    return folder


@pytest.fixture(scope="module")
def esp2_asr(environment: Environment, recipe: Path, librispeech: Path) -> "Esp2Asr":
    """Run the stages before the training, which both configurations share."""
    for name in NAMES:
        short = {"defaults": [f"training_{name}", "_self_"], **ESPNET3_SETTINGS}
        (recipe / "conf" / f"{name}.yaml").write_text(yaml.safe_dump(short))
    prepared = Esp2Asr(environment, recipe, librispeech)
    prepared.run(NAMES[0], "create_dataset train_tokenizer collect_stats")
    return prepared


class Esp2Asr(NamedTuple):
    """The ESPnet3 recipe, and what its stages need."""

    environment: Environment
    recipe: Path
    librispeech: Path

    def run(self, name: str, stages: str) -> None:
        """Run stages with one of the configurations."""
        command = f"python run.py --stages {stages} --training_config conf/{name}.yaml"
        corpus = str(self.librispeech)
        self.environment.run(command, self.recipe, LIBRISPEECH=corpus)


def write_noise(path: Path) -> None:
    """Write a second of noise."""
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    soundfile.write(path, noise, 16_000)


def overlay(environment: Environment, folder: Path) -> Path:
    """Run the recipe's script; return the folder that it prints."""
    script = shlex.quote(str(ESP2_ASR / "overlay.sh"))
    return Path(environment.run(f"sh {script} '{folder}'", folder.parent).strip())


def asr1_config(name: str) -> dict[str, Any]:
    """Read a training configuration for asr.sh."""
    path = ASR1 / "conf" / f"train_asr_{name}.yaml"
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    return config


def esp2_asr_config(recipe: Path, name: str) -> Any:
    """Read a training configuration of the ESPnet3 recipe as its run.py does."""
    config = load_and_merge_config(
        recipe / "conf" / f"training_{name}.yaml",
        config_name="training.yaml",
        default_package="egs3.TEMPLATE.esp2_asr",
    )
    return OmegaConf.to_container(config)


def stated_parameters(recipe: Path) -> int:
    """Return the number of parameters that a README states."""
    (number,) = re.findall(r"([\d,]+) parameters", (recipe / "README.md").read_text())
    return int(number.replace(",", ""))


def count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def steps_of(optimizer: dict[str, Any]) -> tuple[set[int], int]:
    """Return how many steps Adam took, and the number of parameters that took them."""
    states = optimizer["state"].values()
    assert all(state["exp_avg"].isfinite().all() for state in states)
    steps = {int(state["step"]) for state in states}
    return steps, sum(state["exp_avg"].numel() for state in states)


@pytest.mark.parametrize("name", NAMES)
def test_asr1_is_parsed_and_built_with_the_parameters_of_its_readme(name: str) -> None:
    config = ASR1 / "conf" / f"train_asr_{name}.yaml"
    required = ["--output_dir", "exp", "--token_list", "tokens.txt"]
    arguments = ASRTask.get_parser().parse_args(["--config", str(config), *required])
    arguments.token_list = TOKENS
    model = ASRTask.build_model(arguments)
    assert count(model) == stated_parameters(ASR1)
    residual = model.encoder.stack.sublayers[-1].residual
    assert residual.beta == (1.0 if name == "s4_residual" else 75**-0.5)


def test_asr1_configurations_differ_in_the_residual_alone() -> None:
    decay, plain = map(asr1_config, NAMES)
    assert decay["encoder_conf"].pop("residual") == "decay"
    assert plain["encoder_conf"].pop("residual") == "residual"
    assert decay == plain


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_asr1_takes_two_steps(environment: Environment, asr1: Path, name: str) -> None:
    environment.run(
        f"python -m espnet2.bin.asr_train --config {name}.yaml --output_dir {name} "
        "--train_shape_file stats/train/speech_shape "
        "--valid_shape_file stats/valid/speech_shape --normalize global_mvn "
        "--normalize_conf stats_file=stats/train/feats_stats.npz",
        asr1,
    )
    checkpoint = torch.load(asr1 / name / "checkpoint.pth", weights_only=False)
    (optimizer,) = checkpoint["optimizers"]
    assert steps_of(optimizer) == ({2}, stated_parameters(ASR1))
    rates = {group["initial_lr"] for group in optimizer["param_groups"]}
    assert rates == {0.002, 0.001}


@pytest.mark.parametrize("name", NAMES)
def test_esp2_asr_is_built_with_the_parameters_of_its_readme(
    recipe: Path, name: str
) -> None:
    config = esp2_asr_config(recipe, name)
    config["model"]["token_list"] = TOKENS
    config["model"]["normalize"] = None  # its file is made by a stage
    model = get_espnet_model(config["task"], config["model"])
    assert count(model) == stated_parameters(ESP2_ASR)


def test_esp2_asr_configurations_differ_in_the_residual_alone(recipe: Path) -> None:
    decay, plain = (esp2_asr_config(recipe, name) for name in NAMES)
    assert decay["model"]["encoder_conf"].pop("residual") == "decay"
    assert plain["model"]["encoder_conf"].pop("residual") == "residual"
    for config in (decay, plain):
        for key in ("exp_tag", "exp_dir"):
            del config[key]
        del config["trainer"]["logger"]
    assert decay == plain


def test_both_recipes_have_the_same_encoder(recipe: Path) -> None:
    for name in NAMES:
        ours = esp2_asr_config(recipe, name)["model"]
        assert ours["encoder_conf"] == asr1_config(name)["encoder_conf"]


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_esp2_asr_takes_two_steps(esp2_asr: Esp2Asr, name: str) -> None:
    esp2_asr.run(name, "train")
    last = esp2_asr.recipe / "exp" / name / "last.ckpt"
    checkpoint = torch.load(last, weights_only=False)
    (optimizer,) = checkpoint["optimizer_states"]
    assert steps_of(optimizer) == ({2}, stated_parameters(ESP2_ASR))
    rates = {group["initial_lr"] for group in optimizer["param_groups"]}
    assert rates == {0.002, 0.001}


def test_decoding_of_asr1_is_parsed() -> None:
    parser = asr_inference.get_parser()
    required = [
        "--output_dir",
        "exp",
        "--data_path_and_name_and_type",
        "a,speech,sound",
    ]
    config = str(ASR1 / "conf" / "decode_asr.yaml")
    assert parser.parse_args(["--config", config, *required]).beam_size == 20


@pytest.fixture()
def checkout(tmp_path: Path) -> Path:
    """Make a folder like an ESPnet checkout, whose asr.sh notes how it is called."""
    folder = tmp_path / "espnet"
    recipe = folder / "egs2" / "librispeech_100" / "asr1"
    recipe.mkdir(parents=True)
    write_script(recipe / "asr.sh", 'printf "%s\\n" "$PWD" "$@" >called')
    write_script(recipe / "path.sh", f"PATH='{folder}':$PATH")
    python = shlex.quote(sys.executable)
    write_script(folder / "python3", f'PYTHONPATH="{ROOT}" exec {python} "$@"')
    return folder


def write_script(path: Path, line: str) -> None:
    """Write a shell script of one line."""
    path.write_text(f"#!/usr/bin/env bash\n{line}\n")
    path.chmod(0o755)


def run_sh(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the recipe's run.sh in a folder."""
    return subprocess.run(
        [ASR1 / "run.sh", *arguments], cwd=folder, capture_output=True, text=True
    )


def test_run_sh_calls_asr_sh_in_its_recipe_with_our_configurations(
    checkout: Path,
) -> None:
    done = run_sh(checkout.parent, "espnet", "s4_residual", "--ngpu", "2")
    assert done.returncode == 0, done.stderr
    recipe = checkout / "egs2" / "librispeech_100" / "asr1"
    folder, *arguments = (recipe / "called").read_text().splitlines()
    assert Path(folder) == recipe
    assert arguments[-2:] == ["--ngpu", "2"]
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    conf = ASR1 / "conf"
    assert Path(options["--asr_config"]) == conf / "train_asr_s4_residual.yaml"
    assert Path(options["--inference_config"]) == conf / "decode_asr.yaml"
    assert options["--test_sets"].split()[0] == "test_clean"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "usage: ./run.sh ESPNET NAME"),
        (["espnet"], "usage: ./run.sh ESPNET NAME"),
        (["elsewhere", "s4_decay"], "no elsewhere/egs2/.*name an ESPnet checkout"),
        (["espnet", "s4_highway"], "no .*/conf/train_asr_s4_highway.yaml"),
    ],
)
def test_run_sh_says_what_is_missing(
    checkout: Path, arguments: list[str], message: str
) -> None:
    done = run_sh(checkout.parent, *arguments)
    assert done.returncode == 1
    assert re.fullmatch(f"run.sh: .*{message}.*\n", done.stderr)


def test_run_sh_stops_before_the_data_where_the_package_is_not_installed(
    checkout: Path,
) -> None:
    python = shlex.quote(sys.executable)
    write_script(checkout / "python3", f'exec {python} -I -S "$@"')
    done = run_sh(checkout.parent, "espnet", "s4_decay")
    assert done.returncode == 1
    assert "run.sh: the checkout's python3 lacks espnet_residuals" in done.stderr
    assert not list(checkout.rglob("called"))
