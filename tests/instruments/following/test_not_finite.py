"""A training that breaks: what was measured and is no finite number is infinity."""

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from espnet_residuals.callbacks import LayerStats
from espnet_residuals.instruments.following.event_files import read_history
from espnet_residuals.instruments.following.watch import Watch
from tests.encoder.training import LENGTHS, small_encoder, utterances
from tests.instruments.following.training import Model, batches, break_sublayer

BATCH = torch.nn.utils.rnn.pad_sequence(utterances(), batch_first=True)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_learned_weights_and_stream_that_are_not_finite_are_infinity(
    value: float,
) -> None:
    encoder = small_encoder("rezero")
    torch.nn.init.constant_(encoder.stack.sublayers[2].residual.scale, value)
    watch = Watch(encoder)
    watch.is_on = True
    ys, _, _ = encoder(BATCH, torch.tensor(LENGTHS))
    ys.sum().backward()
    statistics = watch.read()
    watch.close()
    for quantity in ("mean_square", "share", "learned_scale"):
        found = [statistics[f"layer_{quantity}/{i}"] for i in (1, 2, 3)]
        assert np.isposinf(found).tolist() == [False, False, True]


def test_stream_of_zeros_has_no_share_but_did_not_break() -> None:
    encoder = small_encoder("rezero")
    watch = Watch(encoder)
    watch.is_on = True
    with torch.no_grad():
        encoder.stack(torch.zeros(1, 50, 8, dtype=torch.float64))
    statistics = watch.read()
    watch.close()
    assert statistics["layer_mean_square/1"] == 0
    assert np.isnan(statistics["layer_share/1"])


def test_history_of_a_lightning_training_has_the_step_and_the_sublayer(
    tmp_path: Path,
) -> None:
    class Breaking(Model):
        """As in ESPnet3, a batch whose loss is no number trains nothing."""

        def training_step(self, batch: list[Tensor], batch_idx: int) -> Any:
            if batch_idx == 5:
                break_sublayer(self.encoder, 3)
            loss = super().training_step(batch, batch_idx)
            return loss if loss.isfinite() else None

    trainer = lightning.Trainer(
        accelerator="cpu",
        logger=TensorBoardLogger(tmp_path),
        callbacks=[LayerStats(every=2)],
        max_epochs=1,
        precision="64-true",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Breaking(), batches(rounds=2))
    history = read_history(tmp_path)
    assert history.steps == [0, 2, 4, 6]
    stream = history.quantities["mean_square"]
    assert np.isfinite(stream[:, :3]).all()
    assert np.isposinf(stream[:, 3]).tolist() == [False, False, True, True]
