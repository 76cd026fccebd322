"""Distributed training of two processes whose utterances differ in length."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.encoder.training import (
    LENGTHS,
    TRAINED_RESIDUALS,
    optimizer_for,
    small_encoder,
    train,
    utterances,
)

pytestmark = pytest.mark.long

RANKS = 2
STEPS = 4

# Held at its floor, a weight would not take the gradient of one batch as the mean of
# those of two: each may drive it the other way.
RESIDUALS: dict[str, Any] = {
    **{name: name for name in TRAINED_RESIDUALS},
    **{name: name for name in ("layerscale", "laurel_rw", "orthogonal")},
    "bypass": {"_name_": "bypass", "floor_first": 0.2},
}
every_residual = pytest.mark.parametrize("residual", RESIDUALS)

State = dict[str, Tensor]


def train_in_one_process(rank: int, folder: Path) -> None:
    """Train every kind of encoder on this process's share; save what comes out."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/rendezvous",
        rank=rank,
        world_size=RANKS,
        timeout=timedelta(seconds=60),
    )
    size = len(LENGTHS) // RANKS
    share = utterances()[rank * size : (rank + 1) * size]
    for residual, options in RESIDUALS.items():
        encoder = small_encoder(options, seed=rank)
        model = nn.parallel.DistributedDataParallel(
            encoder, find_unused_parameters=False
        )
        train(model, optimizer_for(model), share, STEPS)
        torch.save(encoder.state_dict(), folder / f"{residual}.{rank}.pth")
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the states of both processes after training."""
    folder = tmp_path_factory.mktemp("two_processes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        torch.multiprocessing.spawn(train_in_one_process, (folder,), nprocs=RANKS)
    return folder


def states_of_ranks(folder: Path, residual: str) -> list[State]:
    return [torch.load(folder / f"{residual}.{rank}.pth") for rank in range(RANKS)]


@every_residual
def test_parameters_are_the_same_bits_in_both_processes(
    folder: Path, residual: str
) -> None:
    one, other = states_of_ranks(folder, residual)
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@every_residual
def test_two_processes_train_as_one_does_on_the_joined_batch(
    folder: Path, residual: str
) -> None:
    encoder = small_encoder(RESIDUALS[residual])
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    train(encoder, optimizer_for(encoder), utterances(), STEPS)
    state = states_of_ranks(folder, residual)[0]
    for name, expected in encoder.state_dict().items():
        torch.testing.assert_close(state[name], expected, rtol=1e-9, atol=1e-9)
    for name, _ in encoder.named_parameters():
        assert not torch.equal(state[name], before[name]), f"{name} was not trained"
