"""The digits recipe: its configurations, how it decodes and how it counts errors."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from espnet3.components.callbacks.default_callbacks import AverageCheckpointsCallback
from espnet3.utils.task_utils import get_espnet_model
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import OmegaConf

from espnet_residuals.streaming.acoustic_model import StreamingAcousticModel
from tests.egs.fsdd import RECIPE
from tests.egs.recipe import importable, load_config

STREAMING = {
    "streaming": 0,
    "streaming_160": 160,
    "streaming_320": 320,
    "streaming_640": 640,
}
MODELS = ("training", "quick", "heldout", "decay", "attention", *STREAMING)
LETTERS = "▁EINOTRHVSFGWXZU"
TOKENS = ["<blank>", "<unk>", *LETTERS, "<sos/eos>"]

Load = Callable[[str], ModuleType]


@pytest.fixture()
def src() -> Iterator[Load]:
    """Return what imports modules of the recipe's folder src."""
    with importable(RECIPE) as load:
        yield load


def build(name: str, stats: Path | None = None) -> Any:
    """Build the model of a training configuration."""
    config = load_config(RECIPE, name)
    conf: Any = OmegaConf.to_container(config.model, resolve=True)
    conf["token_list"] = TOKENS
    if stats is not None:
        conf["normalize_conf"]["stats_file"] = str(stats)
    elif conf["normalize"] == "global_mvn":  # its file is made by a stage
        conf["normalize"], conf["normalize_conf"] = "utterance_mvn", {}
    return get_espnet_model(config.task, conf)


@pytest.mark.parametrize("name", MODELS)
def test_model_is_built_trains_and_has_two_million_parameters_at_most(
    name: str,
) -> None:
    model = build(name)
    assert sum(p.numel() for p in model.parameters()) <= 2_000_000
    speech = torch.randn(2, 12_000) / 10
    text = torch.randint(2, len(TOKENS) - 1, (2, 6))
    loss, _, _ = model(
        speech, torch.tensor([12_000, 9_000]), text, torch.tensor([6, 4])
    )
    loss.backward()
    assert loss.isfinite()
    assert all(
        p.grad is not None and p.grad.isfinite().all()
        for p in model.encoder.parameters()
    )


@pytest.mark.parametrize("name", MODELS)
def test_experiment_and_data_of_each_configuration_are_its_own(name: str) -> None:
    config = load_config(RECIPE, name)
    assert Path(config.exp_dir).name == name
    assert Path(config.stats_dir).parent.name == name
    splits = [*config.dataset.train, *config.dataset.valid]
    held_out = "theo" if name == "heldout" else None
    assert {entry.data_src_args.held_out for entry in splits} == {held_out}
    folder = "fsdd_without_theo" if name == "heldout" else "fsdd"
    assert Path(config.tokenizer.text_builder.manifest_path).parent.name == folder


@pytest.mark.parametrize(
    "name, test_sets",
    [
        ("inference", ["test", "long"]),
        ("inference_quick", ["test", "long"]),
        ("inference_streaming", ["test", "long"]),
        ("inference_beam", ["test", "long"]),
        ("inference_attention", ["test", "long"]),
        ("inference_heldout", ["test", "long", "unseen"]),
    ],
)
def test_test_sets_of_each_decoding(name: str, test_sets: list[str]) -> None:
    config = load_config(RECIPE, name, "inference")
    assert [entry.name for entry in config.dataset.test] == test_sets
    held_out = "theo" if name.endswith("heldout") else None
    assert {e.data_src_args.get("held_out") for e in config.dataset.test} == {held_out}
    assert config.contract.inputs.speech.sample_rate == 8000


@pytest.mark.parametrize("name", STREAMING)
def test_streaming_encoder_gives_the_frames_of_the_whole_chunk_by_chunk(
    name: str,
) -> None:
    encoder = build(name).encoder.eval()
    feats = torch.randn(1, 90, 40)
    with torch.no_grad():
        whole, _, _ = encoder(feats, torch.tensor([90]))
        state = encoder.default_state(batch_size=1)
        chunks = []
        for i, chunk in enumerate(feats.split([1, 7, 30, 2, 50], dim=1)):
            frames, state = encoder.forward_chunk(chunk, state, is_final=i == 4)
            chunks.append(frames)
    torch.testing.assert_close(torch.cat(chunks, dim=1), whole, rtol=1e-5, atol=1e-5)


def test_streaming_model_reads_samples_in_pieces_as_it_reads_the_whole(
    tmp_path: Path,
) -> None:
    mean = np.linspace(-8, -4, 40)
    stats = tmp_path / "feats_stats.npz"
    np.savez(stats, count=10, sum=10 * mean, sum_square=10 * (mean**2 + 2))
    model = build("streaming", stats).eval()
    samples, lengths = torch.randn(1, 6_000) / 10, torch.tensor([6_000])
    stream, chunks = StreamingAcousticModel(model), []
    state = stream.default_state()
    with torch.no_grad():
        whole = model.ctc.log_softmax(model.encode(samples, lengths)[0])
        for i, piece in enumerate(samples.split([1, 799, 3_200, 2_000], dim=1)):
            chunk, state = stream.forward_chunk(piece, state, is_final=i == 3)
            chunks.append(chunk)
    torch.testing.assert_close(torch.cat(chunks, dim=1), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name, milliseconds", STREAMING.items())
def test_look_ahead_is_what_the_name_says_at_the_same_number_of_parameters(
    name: str, milliseconds: int
) -> None:
    model, training = build(name), build("training")
    frame = 1000 * 128 * model.encoder.embed.stride / 8000
    assert frame * model.encoder.stack.look_ahead == milliseconds
    sizes = [sum(p.numel() for p in each.parameters()) for each in (model, training)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.08)


def test_full_model_looks_ahead_and_so_cannot_stream() -> None:
    with pytest.raises(ValueError, match="bidirectional"):
        build("training").encoder.default_state(batch_size=1)


def posteriors_of(path: str) -> torch.Tensor:
    """Return posteriors whose likeliest tokens are these; ``-`` is the blank."""
    numbers = [0 if letter == "-" else TOKENS.index(letter) for letter in path]
    return torch.nn.functional.one_hot(torch.tensor(numbers), len(TOKENS))


@pytest.mark.parametrize(
    "path, text",
    [
        ("-▁▁O-NN-E-▁-T-W-OO", "ONE TWO"),
        ("THRE-E", "THREE"),
        ("THREE", "THRE"),
        ("----", ""),
    ],
)
def test_greedy_text_merges_repetitions_but_not_across_blanks(
    src: Load, path: str, text: str
) -> None:
    scores = posteriors_of(path + "SIX")[None]
    lengths = torch.tensor([len(path)])
    assert src("greedy").greedy_texts(scores, lengths, TOKENS) == [text]


def test_recordings_are_read_alike_alone_and_in_a_batch(
    src: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy = src("greedy")
    model = build("training")
    monkeypatch.setattr(
        greedy.ASRTask, "build_model_from_file", lambda *args: (model, None)
    )
    speech2text = greedy.GreedySpeech2Text("config.yaml", "model.pth")
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 24_000)).astype(np.float32)
    recordings = [noise[0], noise[1, :8000], noise[2, :15_000]]
    texts = [best[0][0] for best in speech2text(recordings)]
    assert texts == [speech2text(recording)[0][0] for recording in recordings]
    assert any(texts), "an untrained model writes at least a letter"


def test_number_of_steps_is_that_of_the_epochs() -> None:
    """The rate falls to zero at ``total_steps``, so the training must end there."""
    splits = OmegaConf.load(RECIPE / "dataset" / "config.yaml").splits
    for name in MODELS:
        config = load_config(RECIPE, name)
        strings = splits.train.strings
        batch_size = config.dataloader.train.iter_factory.batches.batch_size
        steps = strings // batch_size * config.trainer.max_epochs
        assert config.scheduler.total_steps == steps


def test_word_errors_are_counted_over_all_batches(src: Load) -> None:
    class Model:
        token_list = TOKENS
        ctc: Any = SimpleNamespace(log_softmax=lambda frames: frames)

        def encode(self, speech: Any, lengths: Any) -> tuple[Any, Any]:
            return speech, lengths

    class Module:
        model = Model()
        logged: dict[str, float] = {}

        def log(self, name: str, value: float) -> None:
            self.logged[name] = value

    callback, module = src("word_errors").WordErrors(), Module()
    callback.on_validation_epoch_start(None, module)
    for said, heard in (("ONE▁TWO▁SIX", "ONE▁SIX"), ("TWO", "TWO"), ("SIX", "-")):
        text = torch.tensor([[TOKENS.index(letter) for letter in said]])
        batch = {
            "speech": posteriors_of(heard)[None],
            "speech_lengths": torch.tensor([len(heard)]),
            "text": text,
            "text_lengths": torch.tensor([len(said)]),
        }
        callback.on_validation_batch_end(None, module, None, (["id"], batch), 0)
    callback.on_validation_epoch_end(None, module)
    assert module.logged == {"valid/wer": pytest.approx(100 * 2 / 5)}


def test_average_at_the_end_has_the_last_epoch(src: Load, tmp_path: Path) -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    saved = ModelCheckpoint(monitor="valid/loss", save_top_k=2)
    average = AverageCheckpointsCallback(tmp_path, [saved])
    for value in (1.0, 4.0):
        path = tmp_path / f"{value}.ckpt"
        torch.save({"weight": torch.tensor([[value]])}, path)
        saved.best_k_models[str(path)] = torch.tensor(value)
    trainer = SimpleNamespace(is_global_zero=True, callbacks=[saved, average])
    src("averaging").AverageAtTheEnd().on_train_end(trainer, module)
    averaged = torch.load(tmp_path / "valid.loss.ave_2best.pth")
    assert averaged["weight"].item() == 2.5


def test_score_counts_each_kind_of_error(src: Load) -> None:
    score = src("scores").score(
        ["ONE TWO THREE", "FOUR", "FIVE SIX"], ["ONE THREE", "NINE", "FIVE SIX SIX"]
    )
    assert (score.utterances, score.words) == (3, 6)
    assert (score.substitutions, score.deletions, score.insertions) == (1, 1, 1)
    assert score.wer == pytest.approx(50)


def test_interval_is_that_of_a_binomial_when_strings_are_single_words(
    src: Load,
) -> None:
    n, errors = 2000, 100
    score = src("scores").score(["ONE"] * n, ["TWO"] * errors + ["ONE"] * (n - errors))
    rate = errors / n
    half = 196 * np.sqrt(rate * (1 - rate) / n)
    assert score.low == pytest.approx(100 * rate - half, abs=0.1)
    assert score.high == pytest.approx(100 * rate + half, abs=0.1)


def write_decoded(exp_dir: Path) -> None:
    """Write what the stages train, infer and measure leave: one error in ten words."""
    folder = exp_dir / "inference" / "test"
    (folder / "dataset").mkdir(parents=True)
    references = "".join(f"{i} ONE TWO\n" for i in range(5))
    (folder / "dataset" / "text.scp").write_text(references)
    (folder / "text.scp").write_text(references.replace("4 ONE TWO", "4 ONE"))


@pytest.mark.parametrize(
    "bar, status, message",
    [
        ("test=10", 0, ""),
        ("test=9.9", 1, "WER of test: 10.00 %, above 9.9 %"),
        ("tset=20", 1, "there is no test set 'tset'"),
    ],
)
def test_report_fails_when_a_bar_is_missed(
    src: Load,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bar: str,
    status: int,
    message: str,
) -> None:
    write_decoded(tmp_path)
    report = src("report")
    model = torch.nn.BatchNorm1d(6)  # 12 numbers to train, 13 in buffers
    monkeypatch.setattr(
        report.ASRTask, "build_model_from_file", lambda path: (model, None)
    )
    monkeypatch.setattr(sys, "argv", ["report", str(tmp_path), "--at-most", bar])
    assert report.main() == status
    output = capsys.readouterr()
    assert "| test | 5 | 10 | 10.00 |" in output.out
    assert "parameters 12" in output.out
    assert message in output.err
    results = json.loads((tmp_path / "results_inference.json").read_text())
    assert results["test_sets"]["test"]["wer"] == pytest.approx(10)
