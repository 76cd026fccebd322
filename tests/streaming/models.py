"""Small random models that stream, and what they read offline."""

from argparse import Namespace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from espnet3.utils.task_utils import save_espnet_config
from torch import Tensor

from espnet_residuals.tasks import ASRTask

LETTERS = "ABCDE"
HOP = 64
SAMPLES_PER_FRAME = 4 * HOP
MODEL: dict[str, Any] = {
    "token_list": ["<blank>", "<unk>", "<space>", *LETTERS, "<sos/eos>"],
    "token_type": "char",
    "frontend_conf": {"n_fft": 128, "hop_length": 64, "n_mels": 20, "fs": 8000},
    "normalize": None,
    "encoder": "s4",
    "encoder_conf": {
        "output_size": 16,
        "num_blocks": 2,
        "layer": [{"_name_": "s4d", "d_state": 8}, {"_name_": "ff", "expand": 2}],
    },
    "model_conf": {"ctc_weight": 1.0},
}


def write_statistics(path: Path) -> Path:
    """Write statistics for ``global_mvn``, of about what noise gives."""
    mean = np.linspace(-8, -4, 20)
    np.savez(path, count=10, sum=10 * mean, sum_square=10 * (mean**2 + 1.5))
    return path


def save_model(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """Write config.yaml and the parameters of a random model as ESPnet3 does."""
    config, weights = folder / "config.yaml", folder / "valid.loss.ave.pth"
    settings = {**MODEL, **changes}
    save_espnet_config(
        "espnet_residuals.tasks.ASRTask", {"model": settings}, str(config)
    )
    torch.manual_seed(0)
    model, _ = ASRTask.build_model_from_file(config)
    make_talkative(model)
    torch.save(model.state_dict(), weights)
    return config, weights


def build_model(**changes: Any) -> tuple[Any, Namespace]:
    """Return a random model, and the arguments it was built with."""
    with TemporaryDirectory() as folder:
        config, weights = save_model(Path(folder), **changes)
        model, args = ASRTask.build_model_from_file(config, weights)
        return model.eval(), args


@torch.no_grad()
def make_talkative(model: Any) -> None:
    """Let CTC read all tokens about as often in noise, and be sure of them."""
    model.eval()
    model.ctc.ctc_lo.weight.mul_(20)
    model.ctc.ctc_lo.bias.zero_()
    frames, _ = model.encode(torch.randn(1, 16_000), torch.tensor([16_000]))
    frames = frames[0] if isinstance(frames, tuple) else frames
    model.ctc.ctc_lo.bias.copy_(-model.ctc.ctc_lo(frames).mean(dim=(0, 1)))


@torch.no_grad()
def posteriors(model: Any, samples: Tensor) -> Tensor:
    """Return the log posteriors of a whole recording, (frames, tokens)."""
    frames, lengths = model.encode(samples[None], torch.tensor([len(samples)]))
    if isinstance(frames, tuple):
        frames = frames[0]
    assert lengths.tolist() == [frames.size(1)]
    return model.ctc.log_softmax(frames)[0]


def greedy_offline(model: Any, samples: Tensor) -> list[int]:
    """Return what CTC reads in a whole recording."""
    path = posteriors(model, samples).argmax(dim=-1).tolist()
    return [number for number, _ in groupby(path) if number != model.blank_id]
