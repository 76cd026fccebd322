"""Distributed training: two processes report what one does on the joined batch."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Iterator

import lightning
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, nn
from torch.utils.data import DataLoader

from espnet_residuals.callbacks import LayerStats
from espnet_residuals.instruments.following.event_files import read_history
from tests.encoder.training import utterances
from tests.instruments.following import espnet2_training
from tests.instruments.following.training import Model, Statistics, batches, fit

pytestmark = pytest.mark.long

RANKS = 2


class Sharing(Model):
    """Each process takes every other utterance; they differ in length."""

    def train_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader(share(self.global_rank), batch_size=1, collate_fn=list)


def share(rank: int) -> list[Tensor]:
    return utterances()[rank::RANKS] * 4


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(os.environ, "OMP_NUM_THREADS", "1")
    yield


@pytest.fixture(scope="module")
def of_one_process() -> list[Statistics]:
    steps = fit(
        Model(), LayerStats(every=2), batches(size=2), accumulate_grad_batches=2
    )
    assert list(steps) == [0, 2]
    return list(steps.values())


def test_with_lightning(tmp_path: Path, of_one_process: list[Statistics]) -> None:
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=RANKS,
        strategy=DDPStrategy(process_group_backend="gloo", start_method="spawn"),
        logger=TensorBoardLogger(tmp_path),
        callbacks=[LayerStats(every=2)],
        accumulate_grad_batches=2,
        max_epochs=1,
        precision="64-true",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(Sharing())
    history = read_history(tmp_path)
    assert history.steps == [0, 2]
    for column, expected in enumerate(of_one_process):
        got = {
            f"layer_{quantity}/{i_layer}": value
            for quantity, values in history.quantities.items()
            for i_layer, value in enumerate(values[:, column], start=1)
        }
        assert got == pytest.approx(expected, rel=1e-6)


def test_with_espnet2(tmp_path: Path, of_one_process: list[Statistics]) -> None:
    torch.multiprocessing.spawn(train_in_one_process, (tmp_path,), nprocs=RANKS)
    for rank in range(RANKS):
        got = json.loads((tmp_path / f"{rank}.json").read_text())
        assert got[1] == pytest.approx(of_one_process[0], rel=1e-9)
        assert got[5] == pytest.approx(of_one_process[1], rel=1e-9)


def train_in_one_process(rank: int, folder: Path) -> None:
    """Train on the share of this process with ESPnet2's trainer; write what it got."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/rendezvous",
        rank=rank,
        world_size=RANKS,
        timeout=timedelta(seconds=60),
    )
    model = nn.parallel.DistributedDataParallel(espnet2_training.Model())
    reported = espnet2_training.train(
        model, share(rank), every=2, accum_grad=2, distributed=True
    )
    (folder / f"{rank}.json").write_text(json.dumps(reported))
    torch.distributed.destroy_process_group()
