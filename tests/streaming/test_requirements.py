"""A model that cannot stream is refused by the name of the option that prevents it."""

from typing import Any

import pytest
import torch

from espnet_residuals import ConfigError
from espnet_residuals.inference import Speech2TextStreaming
from tests.streaming.models import MODEL, build_model

BIDIRECTIONAL = {
    **MODEL["encoder_conf"],
    "layer": {"_name_": "s4d", "bidirectional": True},
}


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"normalize": "utterance_mvn"},
            "normalize: utterance_mvn .* train with `normalize: global_mvn`",
        ),
        (
            {"frontend": "sliding_window", "frontend_conf": {"win_length": 200}},
            "frontend: must be default to stream, got SlidingWindow",
        ),
        (
            {
                "frontend_conf": {
                    **MODEL["frontend_conf"],
                    "frontend_conf": {"use_wpe": True},
                }
            },
            r"frontend_conf\.frontend_conf\.use_wpe: must be false",
        ),
        (
            {
                "preencoder": "linear",
                "preencoder_conf": {"input_size": 20, "output_size": 20},
            },
            "preencoder: must be null to stream, got LinearProjection",
        ),
        (
            {"encoder": "rnn", "encoder_conf": {"num_layers": 1, "hidden_size": 8}},
            "encoder: must be s4 to stream here, got RNNEncoder",
        ),
        ({"encoder_conf": BIDIRECTIONAL}, r"encoder_conf\.layer\.bidirectional: "),
    ],
)
def test_part_that_cannot_stream_is_named(
    changes: dict[str, Any], message: str
) -> None:
    from argparse import Namespace

    from espnet_residuals.tasks import ASRTask

    args = Namespace(**{**ASRTask.get_default_config(), **MODEL, **changes})
    model = ASRTask.build_model(args)
    with pytest.raises(ConfigError, match=message):
        Speech2TextStreaming(asr_model=model, asr_train_args=args)


def test_model_without_ctc_is_refused() -> None:
    model, args = build_model()
    model.ctc, model.ctc_weight = None, 0.0
    with pytest.raises(ConfigError, match=r"model_conf\.ctc_weight: must be > 0"):
        Speech2TextStreaming(asr_model=model, asr_train_args=args)


def test_spectra_from_outside_are_refused() -> None:
    model, args = build_model()
    model.frontend.stft = None
    with pytest.raises(ConfigError, match=r"frontend_conf\.apply_stft: must be true"):
        Speech2TextStreaming(asr_model=model, asr_train_args=args)


def test_unknown_normalisation_is_refused() -> None:
    model, args = build_model()
    model.normalize = torch.nn.Identity()
    with pytest.raises(ConfigError, match="normalize: must be .* got Identity"):
        Speech2TextStreaming(asr_model=model, asr_train_args=args)
