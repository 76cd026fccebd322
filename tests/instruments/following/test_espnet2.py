"""ESPnet2's trainer, with the statistics, against the same training by hand."""

import itertools
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pytest
import soundfile
import torch
import yaml
from torch import nn

from espnet_residuals import S4Encoder
from espnet_residuals.bin.asr_train import get_parser, main
from espnet_residuals.instruments.following.espnet2 import ASRTask, LayerStatsTrainer
from espnet_residuals.instruments.following.event_files import read_history
from espnet_residuals.instruments.following.history_report import report
from tests.encoder.training import small_encoder, utterances
from tests.instruments.following.espnet2_training import REQUIRED, Model, train
from tests.instruments.following.training import break_sublayer, by_hand, count_hooks


@pytest.mark.parametrize("grad_clip", [1e-3, 1e6])
def test_statistics_are_those_of_the_step_before_clipping(grad_clip: float) -> None:
    model = Model()
    got = train(model, utterances() * 4, every=3, grad_clip=grad_clip)
    assert count_hooks(model) == 0
    expected = next(by_hand(small_encoder(), [[[utterances()[0]]]]))
    assert got[0] == pytest.approx(expected, rel=1e-9)
    measured = [i for i, s in enumerate(got) if np.isfinite(s["layer_share/1"])]
    assert measured == [0, 3, 6, 9, 12, 15]


def test_accumulated_batches_count_together() -> None:
    got = train(Model(), utterances() * 4, every=2, grad_clip=1e6, accum_grad=3)
    alone = [[utterance] for utterance in utterances() * 4]
    steps = [alone[start : start + 3] for start in range(0, 15, 3)]
    expected = list(by_hand(small_encoder(), steps, accumulated=3))
    measured = [i for i, s in enumerate(got) if np.isfinite(s["layer_share/1"])]
    assert measured == [2, 8, 14]
    for batch, step in zip(measured, (0, 2, 4)):
        assert got[batch] == pytest.approx(expected[step], rel=1e-9)


def test_step_that_is_skipped_leaves_the_next_ones_as_they_are() -> None:
    broken = torch.full_like(utterances()[0], torch.inf)
    got = train(Model(), [broken, *utterances()], every=1)
    expected = train(Model(), utterances(), every=1)
    assert all(np.isposinf(value) for value in got[0].values())
    assert got[1:] == expected


def test_step_that_is_skipped_is_followed_by_measured_ones() -> None:
    class Breaking(Model):
        """The third sublayer of four breaks at the third batch."""

        def forward(self, x: torch.Tensor, lengths: torch.Tensor, **others: Any) -> Any:
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 3:
                break_sublayer(self.encoder, 3)
            return super().forward(x, lengths, **others)

    got = train(Breaking(), utterances()[:3] * 2, every=5)
    stream = [[one[f"layer_mean_square/{i}"] for i in (1, 2, 3, 4)] for one in got]
    share = [[one[f"layer_share/{i}"] for i in (1, 2, 3, 4)] for one in got]
    assert np.isfinite(stream[0]).all()
    assert np.isnan(stream[1:3]).all()  # not measured; the step of the third is skipped
    for one in (*stream[3:], *share[3:]):
        assert np.isfinite(one[:2]).all() and np.isposinf(one[2:]).all()


def test_option_is_checked() -> None:
    arguments = get_parser().parse_args([*REQUIRED, "--layer_stats_every", "0"])
    with pytest.raises(ValueError, match="layer_stats_every: must be an integer >= 1"):
        LayerStatsTrainer.build_options(arguments)
    assert ASRTask.trainer is LayerStatsTrainer


def test_replicas_on_several_gpus_are_refused() -> None:
    arguments = get_parser().parse_args(REQUIRED)
    with pytest.raises(ValueError, match="--multiprocessing_distributed true"):
        LayerStatsTrainer.train_one_epoch(
            model=nn.DataParallel(Model()),
            optimizers=[],
            reporter=None,
            options=LayerStatsTrainer.build_options(arguments),
        )


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a training of four utterances of noise."""
    rng = np.random.default_rng(0)
    scp, text = [], []
    for name in "abcd":
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, rng.normal(0, 0.1, 8000), 16000)
        scp.append(f"{name} {path}\n")
        text.append(f"{name} A B\n")
    (tmp_path / "wav.scp").write_text("".join(scp))
    (tmp_path / "text").write_text("".join(text))
    (tmp_path / "shape").write_text("".join(f"{name} 8000\n" for name in "abcd"))
    config: dict[str, Any] = {
        "output_dir": "exp",
        "token_type": "word",
        "token_list": ["<blank>", "<unk>", "A", "B", "<sos/eos>"],
        "normalize": None,
        "encoder": "s4",
        "encoder_conf": {"output_size": 8, "num_blocks": 1, "residual": "rezero"},
        "model_conf": {"ctc_weight": 1.0},
        "optim": "sgd",
        "max_epoch": 2,
        "batch_type": "sorted",
        "batch_size": 1,
        "log_interval": 2,
        "num_workers": 0,
        "layer_stats_every": 2,
    }
    data = [["wav.scp", "speech", "sound"], ["text", "text", "text"]]
    for split in ("train", "valid"):
        config[f"{split}_data_path_and_name_and_type"] = data
        config[f"{split}_shape_file"] = ["shape"]
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.long
def test_whole_training_writes_its_history(recipe: Path) -> None:
    main(["--config", "train.yaml"])
    history = read_history(recipe / "exp")
    assert history.steps == [2, 4, 6, 8]
    assert list(history.quantities) == [
        "mean_square",
        "share",
        "gradient",
        "learned_scale",
    ]
    assert history.quantities["share"][:, 0].max() < 1e-3
    assert np.isfinite(history.quantities["gradient"]).all()
    assert (recipe / "exp" / "images" / "layer_share" / "1.png").exists()


@pytest.mark.long
def test_history_of_a_training_that_broke_says_when_and_where(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, batches = S4Encoder.forward, itertools.count(1)

    def breaking(encoder: S4Encoder, *arguments: Any) -> Any:
        if encoder.training and next(batches) == 6:
            break_sublayer(encoder, 2)
        return forward(encoder, *arguments)

    monkeypatch.setattr(S4Encoder, "forward", breaking)
    main(["--config", "train.yaml"])
    history = read_history(recipe / "exp")
    assert history.steps == [2, 4, 6, 8]
    assert np.isfinite(history.quantities["mean_square"][:, :3]).all()
    np.testing.assert_equal(
        np.isfinite(history.quantities["mean_square"][:, 3]), [True, False, False]
    )
    said = report(recipe / "exp", history).splitlines()
    assert "mean square: not finite from step 8 on, there in sublayers 2-3" in said
    assert "gradient: not finite from step 8 on, there in sublayers 1-3" in said
