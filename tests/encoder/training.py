"""A small encoder, utterances of unequal lengths, and a few steps of training."""

from typing import Any

import torch
from torch import Tensor, nn

from espnet_residuals import S4Encoder

FEATURES = 20
LENGTHS = (203, 97, 61, 40)
TRAINED_RESIDUALS = ("decay", "affine", "highway", "rezero", "gru", "laurel_lr")


def small_encoder(residual: Any = "decay", seed: int = 0) -> S4Encoder:
    """Return an encoder without dropout, in float64 so that rounding stays small."""
    torch.manual_seed(seed)
    return S4Encoder(
        FEATURES,
        output_size=8,
        num_blocks=2,
        layer=[{"_name_": "s4d", "d_state": 8, "bidirectional": True}, "ff"],
        residual=residual,
        dropout_rate=0.0,
    ).double()


def utterances(seed: int = 0) -> list[Tensor]:
    """Return one utterance of each length."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(n, FEATURES, generator=generator, dtype=torch.float64)
        for n in LENGTHS
    ]


def mean_loss(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Return the mean over the utterances of a loss of their own frames."""
    x = nn.utils.rnn.pad_sequence(batch, batch_first=True)
    ys, olens, _ = model(x, torch.tensor([len(utterance) for utterance in batch]))
    valid = torch.arange(ys.size(1)) < olens.unsqueeze(-1)
    target = torch.linspace(-1, 1, ys.size(-1), dtype=ys.dtype)
    return (ys - target)[valid].square().sum() / len(batch)


def optimizer_for(model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer that all comparisons use."""
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: list[Tensor],
    steps: int = 3,
) -> list[float]:
    """Train on one batch; return the loss before each step."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = mean_loss(model, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
