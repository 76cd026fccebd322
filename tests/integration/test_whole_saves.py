"""A training that is killed while it saves goes on from what it had saved before."""

import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from espnet2.train.reporter import Reporter
from espnet2.train.trainer import Trainer
from torch import nn

from espnet_residuals.instruments.following.espnet2 import LayerStatsTrainer
from espnet_residuals.integration.whole_saves import whole_saves


class Kill:
    """Ends the process that saves it, halfway."""

    def __reduce__(self) -> Any:
        raise KeyboardInterrupt


def save_for_ever(path: Path) -> None:
    with whole_saves():
        while True:
            torch.save({"model": torch.ones(1_000_000)}, path)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_file_is_whole_whenever_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    for milliseconds in range(5):
        forked = multiprocessing.get_context("fork")
        process = forked.Process(target=save_for_ever, args=(path,))
        process.start()
        while not path.exists():
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        process.kill()
        process.join()
        assert torch.load(path)["model"].sum() == 1_000_000
        path.unlink()


def test_trainer_leaves_the_older_checkpoint_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(b"older")

    def run(cls: type, contents: Any) -> None:
        torch.save(contents, path)

    monkeypatch.setattr(Trainer, "run", classmethod(run))
    save = torch.save
    with pytest.raises(KeyboardInterrupt):
        LayerStatsTrainer.run([torch.ones(9), Kill()])
    assert path.read_bytes() == b"older"
    assert torch.save is save
    LayerStatsTrainer.run([torch.ones(9)])
    assert torch.load(path)[0].sum() == 9
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pth"]


def test_open_files_are_written_to_as_before(tmp_path: Path) -> None:
    with whole_saves(), open(tmp_path / "model.pth", "wb") as file:
        torch.save(torch.ones(3), file)
    assert torch.load(tmp_path / "model.pth").sum() == 3


@pytest.mark.parametrize("left", [None, b"", b"PK cut short"])
def test_model_of_the_last_epoch_is_written_again(
    tmp_path: Path, left: bytes | None
) -> None:
    model, reporter = nn.Linear(2, 2), Reporter()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    reporter.set_epoch(5)
    states = {
        "model": {key: value + 1 for key, value in model.state_dict().items()},
        "reporter": reporter.state_dict(),
        "optimizers": [optimizer.state_dict()],
        "schedulers": [None],
        "scaler": None,
    }
    torch.save(states, tmp_path / "checkpoint.pth")
    if left is not None:
        tmp_path.joinpath("5epoch.pth").write_bytes(left)
    LayerStatsTrainer.resume(
        checkpoint=tmp_path / "checkpoint.pth",
        model=model,
        optimizers=[optimizer],
        schedulers=[None],
        reporter=Reporter(),
        scaler=None,
    )
    written = torch.load(tmp_path / "5epoch.pth")
    torch.testing.assert_close(written, states["model"], rtol=0, atol=0)
    torch.testing.assert_close(dict(model.state_dict()), written, rtol=0, atol=0)
