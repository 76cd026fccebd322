"""A tiny training with ESPnet2's trainer."""

from typing import Any, Sequence

import torch
from espnet2.torch_utils.device_funcs import force_gatherable
from espnet2.train.abs_espnet_model import AbsESPnetModel
from espnet2.train.distributed_utils import DistributedOption
from espnet2.train.reporter import Reporter
from torch import Tensor, nn

from espnet_residuals.bin.asr_train import get_parser
from espnet_residuals.instruments.following.espnet2 import LayerStatsTrainer
from tests.encoder.training import mean_loss, small_encoder
from tests.instruments.following.training import LR, Statistics

REQUIRED = ["--output_dir", "exp", "--token_list", "none"]


class Model(AbsESPnetModel):
    """The encoder and the loss of the tests of the encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = small_encoder()

    def forward(self, x: Tensor, lengths: Tensor, **others: Any) -> Any:
        batch = [one[:length] for one, length in zip(x, lengths)]
        loss = mean_loss(self.encoder, batch)
        outputs = (loss, {"loss": loss.detach()}, len(batch))
        return force_gatherable(outputs, loss.device)

    def collect_feats(self, **batch: Tensor) -> dict[str, Tensor]:
        return {}


def train(
    model: nn.Module,
    utterances: Sequence[Tensor],
    every: int,
    grad_clip: float = 1e6,
    accum_grad: int = 1,
    distributed: bool = False,
) -> list[Statistics]:
    """Train for an epoch, one utterance a batch; return what each batch reported."""
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    arguments = get_parser().parse_args(
        [
            *REQUIRED,
            *("--layer_stats_every", str(every)),
            *("--grad_clip", str(grad_clip)),
            *("--accum_grad", str(accum_grad)),
        ]
    )
    batches = [
        (["id"], {"x": one.unsqueeze(0), "lengths": torch.tensor([len(one)])})
        for one in utterances
    ]
    reporter = Reporter(epoch=1)
    with reporter.observe("train") as sub_reporter:
        LayerStatsTrainer.train_one_epoch(
            model=model,
            iterator=batches,
            optimizers=[optimizer],
            schedulers=[None],
            scaler=None,
            reporter=sub_reporter,
            summary_writer=None,
            options=LayerStatsTrainer.build_options(arguments),
            distributed_option=DistributedOption(distributed=distributed),
        )
    assert not optimizer._optimizer_step_pre_hooks
    assert "zero_grad" not in vars(optimizer)
    statistics = {
        name: values
        for name, values in sub_reporter.stats.items()
        if name.startswith("layer_")
    }
    return [
        {name: values[i].value for name, values in statistics.items()}
        for i in range(len(batches))
    ]
