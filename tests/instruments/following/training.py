"""A tiny Lightning training, and what its statistics must be, computed by hand."""

from typing import Any, Iterator, Mapping, Optional

import lightning
import torch
from lightning.pytorch.loggers.logger import DummyLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader

from espnet_residuals import S4Encoder
from espnet_residuals.callbacks import LayerStats
from tests.encoder.training import mean_loss, small_encoder, utterances

Statistics = dict[str, float]

LR = 1e-6  # the losses are sums over frames


class Memory(DummyLogger):
    """A logger that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: dict[int, Statistics] = {}

    def log_metrics(
        self, metrics: Mapping[str, float], step: Optional[int] = None
    ) -> None:
        found = {k: v for k, v in metrics.items() if k.startswith("layer_")}
        if found:
            assert step is not None
            self.steps[step] = found


class Model(lightning.LightningModule):
    """The encoder and the loss of the tests of the encoder."""

    def __init__(self, residual: Any = "decay", seed: int = 0) -> None:
        super().__init__()
        self.encoder = small_encoder(residual, seed)
        self.validations = 0

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return mean_loss(self.encoder, batch)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.validations += 1
        mean_loss(self.encoder, [100 * utterance for utterance in batch])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=LR)


def batches(
    size: int = 1, rounds: int = 4, dtype: torch.dtype = torch.float64
) -> DataLoader[Tensor]:
    """Return batches of the utterances, which differ in length, over and over."""
    return DataLoader(
        [utterance.to(dtype) for utterance in utterances() * rounds],
        batch_size=size,
        collate_fn=list,
    )


def fit(
    model: Model,
    callback: LayerStats,
    loader: Optional[DataLoader[Tensor]] = None,
    ckpt_path: Optional[str] = None,
    **settings: Any,
) -> dict[int, Statistics]:
    """Train, and return the statistics by step."""
    memory = Memory()
    others = settings.pop("callbacks", [])
    trainer = lightning.Trainer(
        accelerator="cpu",
        logger=memory,
        callbacks=[callback, *others],
        enable_progress_bar=False,
        enable_checkpointing=bool(others),
        enable_model_summary=False,
        log_every_n_steps=1,
        **{"max_epochs": 1, "precision": "64-true", **settings},
    )
    trainer.fit(model, loader or batches(), batches(rounds=1), ckpt_path=ckpt_path)
    return memory.steps


def by_hand(
    encoder: S4Encoder, steps: list[list[list[Tensor]]], accumulated: int = 1
) -> Iterator[Statistics]:
    """Train by hand; yield the statistics of each step.

    Args:
        encoder (S4Encoder): The encoder.
        steps (list[list[list[Tensor]]]): Batches of each step, utterances of each.
        accumulated (int): What the loss of a batch is divided by.
    """
    optimizer = torch.optim.SGD(encoder.parameters(), lr=LR)
    for step in steps:
        optimizer.zero_grad()
        for batch in step:
            (mean_loss(encoder, batch) / accumulated).backward()
        yield statistics_by_hand(encoder, [one for batch in step for one in batch])
        optimizer.step()


@torch.no_grad()
def statistics_by_hand(encoder: S4Encoder, utterances: list[Tensor]) -> Statistics:
    """Take utterances alone, without padding, through the formula of `decay`."""
    sublayers = list(encoder.stack.sublayers)
    squares = torch.zeros(len(sublayers), 3, dtype=torch.float64)
    values = 0
    for utterance in utterances:
        lengths = torch.tensor([len(utterance)])
        x, lengths = encoder.embed(utterance.unsqueeze(0), lengths)
        values += x.numel()
        for row, sublayer in zip(squares, sublayers):
            y = sublayer.layer(sublayer.norm(x), lengths)
            kept, new = sublayer.residual.alpha * x, sublayer.residual.beta * y
            x = kept + new
            row += torch.stack([part.square().sum() for part in (x, new, kept)])
    found: Statistics = {}
    for i, (sublayer, (stream, new, kept)) in enumerate(zip(sublayers, squares), 1):
        found[f"layer_mean_square/{i}"] = float(stream / values)
        found[f"layer_share/{i}"] = float(new / (new + kept))
        found[f"layer_gradient/{i}"] = float(norm_by_hand(sublayer))
    return found


def norm_by_hand(module: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in module.parameters()]).norm()


def count_hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


@torch.no_grad()
def break_sublayer(encoder: S4Encoder, i_layer: int) -> None:
    """Make the parameters of a layer NaN, as a training does that diverges."""
    for parameter in encoder.stack.sublayers[i_layer - 1].layer.parameters():
        parameter.fill_(torch.nan)
