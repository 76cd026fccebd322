"""AN4's recipe: its configurations, and intervals over speakers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from espnet3.utils.task_utils import get_espnet_model
from hydra.utils import instantiate
from omegaconf import OmegaConf

from tests.egs.an4 import RECIPE
from tests.egs.recipe import importable, load_config

MODELS = ("training", "quick", "fold", "attention")
TOKENS = ["<blank>", "<unk>", *"▁ABCDEFGHIJKLMNOPQRSTUVWXYZ", "<sos/eos>"]

Load = Callable[[str], ModuleType]


@pytest.fixture()
def src() -> Iterator[Load]:
    """Return what imports modules of the recipe's folder src."""
    with importable(RECIPE) as load:
        yield load


def build(name: str) -> Any:
    """Build the model of a training configuration."""
    config = load_config(RECIPE, name)
    conf: Any = OmegaConf.to_container(config.model, resolve=True)
    return get_espnet_model(config.task, conf | {"token_list": TOKENS})


@pytest.mark.parametrize("name", MODELS)
def test_model_is_built_trains_and_has_two_million_parameters_at_most(
    name: str,
) -> None:
    model = build(name)
    assert sum(p.numel() for p in model.parameters()) <= 2_000_000
    speech = torch.randn(2, 24_000) / 10
    text = torch.randint(2, len(TOKENS) - 1, (2, 6))
    loss, _, _ = model(
        speech, torch.tensor([24_000, 18_000]), text, torch.tensor([6, 4])
    )
    loss.backward()
    assert loss.isfinite()
    assert all(
        p.grad is not None and p.grad.isfinite().all()
        for p in model.encoder.parameters()
    )


@pytest.mark.parametrize("name", MODELS)
def test_schedule_ends_with_the_last_epoch(name: str) -> None:
    config = load_config(RECIPE, name)
    batch_size = config.dataloader.train.iter_factory.batches.batch_size
    batches = (822 if name == "fold" else 844) // batch_size  # others get the rest
    steps = config.scheduler.total_steps
    assert steps == pytest.approx(batches * config.trainer.max_epochs, rel=0.03)
    assert 0 < config.scheduler.warmup_steps < steps / 4


@pytest.mark.parametrize("fold", [1, 7])
def test_fold_trains_and_decodes_its_own_splits(
    monkeypatch: pytest.MonkeyPatch, fold: int
) -> None:
    monkeypatch.setenv("FOLD", str(fold))
    config = load_config(RECIPE, "fold")
    decoding = load_config(RECIPE, "inference_fold", "inference")
    entries = [*config.dataset.train, *config.dataset.valid, *decoding.dataset.test]
    assert [entry.data_src_args.fold for entry in entries] == [fold] * 3
    assert Path(config.exp_dir).name == f"fold_{fold}"
    manifest = Path(config.tokenizer.text_builder.manifest_path)
    assert manifest.parent.name == f"fold_{fold}"


def test_other_configurations_have_the_data_sets_own_splits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FOLD", "3")
    for name in ("training", "quick", "attention"):
        config = load_config(RECIPE, name)
        entries = [*config.dataset.train, *config.dataset.valid]
        assert {entry.data_src_args.fold for entry in entries} == {None}
        assert Path(config.exp_dir).name == name
        assert Path(config.tokenizer.text_builder.manifest_path).parent.name == "an4"


@pytest.mark.parametrize(
    "name", ["inference", "inference_quick", "inference_beam", "inference_attention"]
)
def test_decoding_has_the_ids_that_intervals_need(name: str) -> None:
    config = load_config(RECIPE, name, "inference")
    (entry,) = config.dataset.test
    assert entry.name == entry.data_src_args.split == "test"
    assert entry.data_src_args.fold is None and entry.data_src_args.with_ids
    assert config.contract.inputs.speech.sample_rate == 16000


def test_speed_of_training_audio_alone_is_perturbed() -> None:
    config = load_config(RECIPE, "training").dataset.preprocessor
    characters = {"token_type": "char", "token_list": TOKENS, "bpemodel": None}
    speech = np.random.RandomState(0).randn(16_000).astype(np.float32)
    lengths = {}
    for train in (True, False):
        preprocessor = instantiate(config, train=train, **characters)
        items = [preprocessor("id", {"speech": speech}) for _ in range(60)]
        lengths[train] = {len(item["speech"]) for item in items}
    assert lengths[False] == {16_000}
    assert len(lengths[True]) == 5
    assert min(lengths[True]) < 14_000 and max(lengths[True]) > 18_800


def test_greedy_decoding_reads_the_last_block_where_ctc_sees_others_too(
    src: Load,
) -> None:
    model = build("training").eval()
    speech, lengths = torch.randn(1, 24_000) / 10, torch.tensor([24_000])
    posteriors, frames = src("greedy").encode_posteriors(model, speech, lengths)
    with torch.no_grad():
        (last, _), _ = model.encode(speech, lengths)
        expected = model.ctc.log_softmax(last)
    torch.testing.assert_close(posteriors, expected)
    assert posteriors.shape == (1, int(frames), len(TOKENS))


def test_interval_is_over_speakers(src: Load, tmp_path: Path) -> None:
    """One of two speakers is always wrong, so half of the resamples are at an end."""
    (tmp_path / "dataset").mkdir()
    ids = [f"an{n}-{speaker}-b" for speaker in ("fann", "mbob") for n in range(50)]
    references = "".join(f"{utt_id} YES\n" for utt_id in ids)
    (tmp_path / "dataset" / "text.scp").write_text(references)
    wrong = references.replace("mbob-b YES", "mbob-b YE")
    (tmp_path / "text.scp").write_text(wrong)
    score = src("scores").score_folder(tmp_path)
    assert (score.utterances, score.words, score.substitutions) == (100, 100, 50)
    assert (score.wer, score.low, score.high) == (50, 0, 100)
    assert score.cer == pytest.approx(100 / 6)
    assert (score.cer_low, score.cer_high) == (0, pytest.approx(100 / 3))


def test_cer_counts_spaces_as_espnet_does(src: Load) -> None:
    score = src("scores").score(["A B C", "YES"], ["A C", "YES"])
    assert score.cer == pytest.approx(100 * 2 / 8)
