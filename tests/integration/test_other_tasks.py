"""Each task of ESPnet2 that can take the encoder builds its own model and trains it."""

from argparse import Namespace
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import espnet_residuals  # noqa: F401  (makes the encoder known to this process)
from espnet_residuals import DecayResidual, S4Encoder

TOKENS = ["<blank>", "<unk>", "A", "B", "<sos/eos>"]
WHISPER = ["<blank>", "<unk>", "A", "B", "<na>", "<sop>", "<sos>", "<eos>"]
FRONTEND = {"n_fft": 128, "hop_length": 64, "n_mels": 20, "fs": 8000}
ENCODER = {"output_size": 8, "num_blocks": 2, "residual": "decay"}
TRANSFORMER = {
    "decoder": "transformer",
    "decoder_conf": {"num_blocks": 1, "attention_heads": 2, "linear_units": 8},
}
SPEECH = {
    "speech": torch.randn(2, 8000),
    "speech_lengths": torch.tensor([8000, 5000]),
}
TEXT, TEXT_LENGTHS = torch.tensor([[2, 3, 2], [3, 2, -1]]), torch.tensor([3, 2])
# Input of the models that see lines of text as well as speech.
WRITTEN = {
    key: value
    for name in ("text", "src_text", "text_prev", "text_ctc")
    for key, value in ((name, TEXT), (f"{name}_lengths", TEXT_LENGTHS))
}


def build(task: str, **options: Any) -> nn.Module:
    """Build the model of a task as its ``asr.sh`` and the like do."""
    cls = next(
        value
        for name, value in vars(import_module(f"espnet2.tasks.{task}")).items()
        if name.endswith("Task") and value.__module__ == f"espnet2.tasks.{task}"
    )
    given = {
        "token_list": TOKENS,
        "frontend_conf": FRONTEND,
        "encoder": "s4",
        "encoder_conf": ENCODER,
        **options,
    }
    model: nn.Module = cls.build_model(
        Namespace(**{**cls.get_default_config(), **given})
    )
    return model


@pytest.mark.parametrize(
    "task, options, batch",
    [
        ("st", {**TRANSFORMER, "src_token_list": TOKENS}, {**SPEECH, **WRITTEN}),
        ("slu", TRANSFORMER, {**SPEECH, **WRITTEN}),
        ("s2t", {**TRANSFORMER, "token_list": WHISPER}, {**SPEECH, **WRITTEN}),
        (
            "mt",
            {
                **TRANSFORMER,
                "src_token_list": TOKENS,
                "frontend_conf": {"embed_dim": 8},
                "model_conf": {},
                "encoder_conf": {**ENCODER, "input_layer": "linear"},
            },
            WRITTEN,
        ),
        (
            "diar",
            {
                "num_spk": 2,
                "encoder_conf": {**ENCODER, "input_layer": "linear"},
                "label_aggregator_conf": {"win_length": 128, "hop_length": 64},
            },
            {
                **SPEECH,
                "spk_labels": torch.randint(2, (2, 8000, 2)),
                "spk_labels_lengths": SPEECH["speech_lengths"],
            },
        ),
        (
            "cls",
            {},
            {
                **SPEECH,
                "label": torch.tensor([[1], [2]]),
                "label_lengths": torch.tensor([1, 1]),
            },
        ),
    ],
)
def test_model_of_the_task_learns_in_every_parameter_of_the_encoder(
    task: str, options: dict[str, Any], batch: dict[str, Tensor]
) -> None:
    model = build(task, **options)
    assert isinstance(model.encoder, S4Encoder)
    decays = [m for m in model.encoder.modules() if isinstance(m, DecayResidual)]
    assert [m.i_layer for m in decays] == [1, 2, 3, 4, 5, 6]
    loss, *_ = model(**batch)
    assert loss.isfinite()
    loss.backward()
    untouched = [n for n, p in model.encoder.named_parameters() if p.grad is None]
    assert untouched == []


def test_translation_learns_in_every_parameter_of_a_further_encoder() -> None:
    model = build(
        "st",
        **TRANSFORMER,
        src_token_list=TOKENS,
        hier_encoder="s4",
        hier_encoder_conf={**ENCODER, "input_layer": "linear"},
    )
    assert isinstance(model.hier_encoder, S4Encoder)
    loss, *_ = model(**SPEECH, **WRITTEN)
    assert loss.isfinite()
    loss.backward()
    untouched = [n for n, p in model.hier_encoder.named_parameters() if p.grad is None]
    assert untouched == []


def test_encoder_serves_the_task_that_espnet_leaves_to_be_completed() -> None:
    model = build("asvspoof", losses=[{"name": "binary_loss", "conf": {}}])
    encoded, lengths = model.encode(**SPEECH)
    assert encoded.shape[1] == lengths.max()
    assert model.decoder(encoded, lengths) is None, "complete: it can be tested now"
