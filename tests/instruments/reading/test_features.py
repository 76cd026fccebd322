"""The noise that an encoder is probed with."""

import pytest
import torch

from espnet_residuals import S4Encoder
from espnet_residuals.instruments.measuring.measure import measure
from espnet_residuals.instruments.measuring.sites import find_sites
from espnet_residuals.instruments.reading.features import random_batch
from espnet_residuals.instruments.showing.findings import findings


def test_noise_is_as_smooth_as_features_of_speech() -> None:
    feats = random_batch(80, batch=500, frames=100, seed=0).feats
    assert feats.square().mean().item() == pytest.approx(1.0, abs=0.05)
    assert feats.square().mean(dim=(0, 2)).std().item() < 0.1
    frames = (feats[:, 1:] * feats[:, :-1]).mean().item()
    assert frames == pytest.approx(0.8, abs=0.05)
    bands = (feats[..., 1:] * feats[..., :-1]).mean().item()
    assert bands == pytest.approx(0.95, abs=0.05)
    later = (feats[:, 5:] * feats[:, :-5]).mean().item()
    assert later == pytest.approx(0.8**5, abs=0.05)


@pytest.mark.parametrize("residual, are_lost", [("residual", False), ("bypass", True)])
def test_frames_are_called_lost_where_they_are_and_nowhere_else(
    residual: str, are_lost: bool
) -> None:
    """The default blocks look at neighbours; white noise would seem to be lost."""
    torch.manual_seed(0)
    encoder = S4Encoder(80, output_size=64, num_blocks=12, residual=residual)
    batch = random_batch(80, batch=2, frames=200, seed=0)
    readings = measure("", encoder, find_sites(encoder), batch, seed=0).readings
    assert any("frames are lost" in said for said in findings(readings)) == are_lost
