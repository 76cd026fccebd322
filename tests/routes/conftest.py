"""An installed package, and a model that ESPnet2 trained on the mini_an4 recordings."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import yaml

from tests.egs.recipe import create_dataset, loaded_dataset
from tests.environment import ROOT, Environment
from tests.routes.page import block

RECIPE = ROOT / "egs" / "mini_an4" / "esp2_asr"
KALDI = Path(__file__).with_name("kaldi")


class Routes(NamedTuple):
    """A recipe folder for the commands of the page, and where they run."""

    environment: Environment
    folder: Path

    def run(self, heading: str, **variables: str) -> str:
        """Run the commands below a heading of the page; return what they print."""
        return self.environment.run(block(heading), self.folder, **variables)


class Training(NamedTuple):
    """What the command for training printed, stopped and started again."""

    stopped: str
    resumed: str


@pytest.fixture(scope="session")
def routes(
    environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Routes:
    """Make a folder in which the page's commands for ESPnet2 run."""
    folder = tmp_path_factory.mktemp("routes")
    shutil.copytree(KALDI, folder, dirs_exist_ok=True)
    with loaded_dataset(RECIPE) as dataset:
        _write_data(dataset, folder)
    train = yaml.safe_load(block("ESPnet2", "yaml"))
    s4_decoder = {**train, **yaml.safe_load(block("By Kaldi's scripts", "yaml"))}
    by_name = {**s4_decoder, "decoder_conf": {**s4_decoder["decoder_conf"]}}
    by_name["decoder_conf"]["residual"] = "decay"
    del by_name["token_list"]
    _write_config(folder, "train", train)
    _write_config(folder, "train_s4_decoder", s4_decoder)
    _write_config(folder, "train_by_name", by_name)
    ranks = yaml.safe_load(block("Two processes of ESPnet2", "yaml"))
    _write_config(folder, "train_ranks", {**train, **ranks})
    ctc = yaml.safe_load(block("One command", "yaml"))
    _write_config(folder, "train_ctc", {**train, **ctc})
    return Routes(environment, folder)


@pytest.fixture(scope="session")
def statistics(routes: Routes) -> Path:
    """Collect the statistics of the data; return their folder."""
    routes.run("Statistics")
    return routes.folder / "exp" / "stats"


@pytest.fixture(scope="session")
def training(routes: Routes, statistics: Path) -> Training:
    """Train until the process is killed, then to the end."""
    command = block("Training")
    process = routes.environment.start(command, routes.folder)
    # A link that is made when the weights are written whole.
    latest = routes.folder / "exp" / "asr" / "latest.pth"
    while process.poll() is None and latest.resolve().name != "2epoch.pth":
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    stopped, _ = process.communicate()
    assert latest.resolve().name == "2epoch.pth", stopped[-5000:]
    return Training(stopped, routes.environment.run(command, routes.folder))


@pytest.fixture(scope="session")
def packed(routes: Routes, training: Training) -> Path:
    """Pack the trained model; return the archive."""
    routes.run("Packing")
    return routes.folder / "exp" / "asr.zip"


def _write_data(dataset: ModuleType, folder: Path) -> None:
    """Write the recordings as an ESPnet2 recipe has them."""
    create_dataset(dataset, folder)
    data = folder / "data"
    shutil.move(data / "mini_an4" / "wav", data / "wav")
    characters: set[str] = set()
    for split in ("train", "valid", "test"):
        manifest = (data / "mini_an4" / f"{split}.tsv").read_text().splitlines()
        rows = [line.split("\t") for line in manifest]
        data.joinpath(split).mkdir()
        _write_lines(
            data / split / "wav.scp", (f"{i} data/{wav}" for i, wav, _ in rows)
        )
        _write_lines(data / split / "text", (f"{i} {text}" for i, _, text in rows))
        characters.update(*(text for *_, text in rows))
    tokens = sorted(characters - {" "}) + ["<space>"]
    _write_lines(data / "tokens.txt", ["<blank>", "<unk>", *tokens, "<sos/eos>"])
    (line,) = [line for line in _lines(data / "train" / "text") if "mwhw" in line]
    _write_lines(data / "cen8-mwhw-b.txt", [line])


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _write_lines(path: Path, lines: Iterator[str] | list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def _write_config(folder: Path, name: str, config: dict[str, object]) -> None:
    path = folder / "conf" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
