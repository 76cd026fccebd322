"""A YAML through ESPnet's own way of building models, as a recipe goes it."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from espnet3.utils.task_utils import get_espnet_model
from torch import Tensor
from torchaudio.functional import rnnt_loss

from espnet_residuals import DecayResidual, S4Encoder

TASK = "espnet_residuals.tasks.ASRTask"


def model(encoder_conf: dict[str, Any], encoder: str = "s4", **more: Any) -> Any:
    config = {
        "token_list": ["<blank>", "<unk>", "A", "B", "<sos/eos>"],
        "frontend_conf": {"n_fft": 128, "hop_length": 64, "n_mels": 20, "fs": 8000},
        "normalize": "utterance_mvn",
        "encoder": encoder,
        "encoder_conf": {"output_size": 8, "num_blocks": 2, **encoder_conf},
        "model_conf": {"ctc_weight": 1.0},
        **more,
    }
    return get_espnet_model(TASK, config)


def train_one_step(asr: Any) -> float:
    torch.manual_seed(0)
    speech = torch.randn(2, 8000)
    loss, _, _ = asr(
        speech=speech,
        speech_lengths=torch.tensor([8000, 5000]),
        text=torch.tensor([[2, 3, 2], [3, 2, -1]]),
        text_lengths=torch.tensor([3, 2]),
    )
    loss.backward()
    return float(loss)


def test_residual_named_in_the_yaml_is_built_and_trains() -> None:
    asr = model({"residual": {"_name_": "decay", "power": 0.5}})
    assert isinstance(asr.encoder, S4Encoder)
    decays = [m for m in asr.modules() if isinstance(m, DecayResidual)]
    assert [m.i_layer for m in decays] == [1, 2, 3, 4, 5, 6]
    assert train_one_step(asr) > 0
    assert [n for n, p in asr.encoder.named_parameters() if p.grad is None] == []


def test_intermediate_ctc_with_self_conditioning_trains() -> None:
    asr = model(
        {"interctc_layer_idx": [1], "interctc_use_conditioning": True},
        model_conf={"ctc_weight": 1.0, "interctc_weight": 0.5},
    )
    assert train_one_step(asr) > 0
    assert asr.encoder.conditioning_layer.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("decoder", ["transformer", "s4"])
def test_attention_decoder_trains_on_top(decoder: str) -> None:
    conf: dict[str, Any] = {"num_blocks": 1, "attention_heads": 2, "linear_units": 8}
    if decoder == "s4":
        layer = {"_name_": "s4", "mode": "diag", "measure": "diag-lin"}
        conf = {"n_layers": 1, "residual": "decay", "norm": "layer", "layer": [layer]}
    asr = model({}, decoder=decoder, decoder_conf=conf, model_conf={"ctc_weight": 0.5})
    assert train_one_step(asr) > 0
    if decoder == "s4":
        decays = [m for m in asr.decoder.modules() if isinstance(m, DecayResidual)]
        assert len(decays) == 1, "ESPnet's decoder holds this package's class"


class RNNTLoss(torch.nn.Module):
    """Stands in for the loss of ``warprnnt_pytorch``, which ESPnet builds itself."""

    def __init__(self, blank: int, fastemit_lambda: float) -> None:
        super().__init__()
        assert fastemit_lambda == 0.0
        self.blank = blank

    def forward(
        self, scores: Tensor, target: Tensor, frames: Tensor, tokens: Tensor
    ) -> Tensor:
        return rnnt_loss(scores, target, frames, tokens, blank=self.blank)


def test_transducer_trains_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("warprnnt_pytorch")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(module, "RNNTLoss", RNNTLoss, raising=False)
    asr = model(
        {},
        decoder="transducer",
        decoder_conf={"rnn_type": "lstm", "hidden_size": 8},
        joint_net_conf={"joint_space_size": 8},
        model_conf={"ctc_weight": 0.0},
    )
    assert train_one_step(asr) > 0
    assert [n for n, p in asr.encoder.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    "encoder_conf, message",
    [
        ({"residual": "decays"}, r"encoder_conf\.residual: .*'decays'.*mean 'decay'"),
        (
            {"residual": {"_name_": "decay", "power": -1}},
            r"encoder_conf\.residual\.power: must be .*>= 0, got -1",
        ),
        ({"layer": "s4dd"}, r"encoder_conf\.layer: .*'s4dd'.*mean 's4d'"),
        ({"num_block": 4}, r"encoder_conf\.num_block: .*mean 'num_blocks'"),
    ],
)
def test_wrong_name_or_option_in_the_yaml_stops_with_a_message(
    encoder_conf: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        model(encoder_conf)
