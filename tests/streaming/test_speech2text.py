"""Words of a stream are those of the whole recording, however it is cut."""

import pickle
from pathlib import Path
from typing import Any, Iterator

import pytest
import torch
import yaml
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.main_funcs.pack_funcs import pack, unpack
from espnet2.tasks.lm import LMTask
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals import ConfigError
from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.streaming import speech2text as module
from espnet_residuals.streaming.acoustic_model import StreamingAcousticModel
from espnet_residuals.streaming.prefix_beam import PrefixBeamSearch
from tests.streaming.models import (
    MODEL,
    SAMPLES_PER_FRAME,
    build_model,
    greedy_offline,
    posteriors,
    save_model,
    write_statistics,
)

LENGTH = 6_000
AHEAD = ["s4d", {"_name_": "conv", "kernel": 5, "look_ahead": 1, "norm": "batch"}]
LAYERS: dict[str, dict[str, Any]] = {
    "conv2d": {},
    "linear": {"input_layer": "linear"},
    "look_ahead": {"layer": AHEAD},
    "conditioning": {"interctc_layer_idx": [1], "interctc_use_conditioning": True},
}


@pytest.fixture(scope="module")
def parts() -> tuple[Any, Any]:
    return build_model()


@pytest.fixture(scope="module")
def built_once() -> Speech2TextStreaming:
    """In double precision, where no two tokens are as likely as each other."""
    model, args = build_model()
    return Speech2TextStreaming(asr_model=model, asr_train_args=args, dtype="float64")


@pytest.fixture
def exact(built_once: Speech2TextStreaming) -> Speech2TextStreaming:
    built_once.reset()
    return built_once


def cut(samples: Tensor, cuts: list[int]) -> Iterator[tuple[Tensor, bool]]:
    """Return pieces that end at the given samples; the last one is final."""
    bounds = [0, *cuts, len(samples)]
    for i, (start, end) in enumerate(zip(bounds, bounds[1:])):
        yield samples[start:end], i == len(cuts)


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, LENGTH), max_size=8).map(sorted))
def test_any_pieces_give_the_tokens_of_the_whole_and_never_take_one_back(
    built_once: Speech2TextStreaming, cuts: list[int]
) -> None:
    exact, samples = built_once, torch.randn(LENGTH, dtype=torch.float64)
    so_far: list[int] = []
    for piece, is_final in cut(samples, cuts):
        (result,) = exact(piece, is_final)
        assert result.token_ids[: len(so_far)] == so_far
        so_far = result.token_ids
    assert so_far == greedy_offline(exact.asr_model, samples)
    assert len(so_far) > 3


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("normalize", [None, "global_mvn"])
def test_model_of_every_kind_that_streams_reads_what_it_reads_offline(
    options: dict[str, Any], normalize: Any, tmp_path: Path
) -> None:
    changes: dict[str, Any] = {
        "encoder_conf": {**MODEL["encoder_conf"], **options},
        "normalize": normalize,
    }
    if normalize:
        stats = write_statistics(tmp_path / "feats_stats.npz")
        changes["normalize_conf"] = {"stats_file": str(stats)}
    model, args = build_model(**changes)
    decoder = Speech2TextStreaming(
        asr_model=model, asr_train_args=args, dtype="float64"
    )
    samples = torch.randn(4_000, dtype=torch.float64)
    for piece, is_final in cut(samples, [1, 700, 701, 3_000]):
        (result,) = decoder(piece, is_final)
    assert result.token_ids == greedy_offline(model, samples)


def test_posteriors_of_a_batch_of_recordings_are_those_of_the_whole(
    parts: tuple[Any, Any],
) -> None:
    model, _ = parts
    stream, got = StreamingAcousticModel(model), []
    samples, state = torch.randn(2, LENGTH), stream.default_state(batch_size=2)
    with torch.no_grad():
        for i, piece in enumerate(samples.split(1_700, dim=1)):
            log_probs, state = stream.forward_chunk(piece, state, is_final=i == 3)
            got.append(log_probs)
    whole = torch.stack([posteriors(model, each) for each in samples])
    torch.testing.assert_close(torch.cat(got, dim=1), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer, look_ahead", [("s4d", 0), (AHEAD, 2)], ids=str)
def test_every_frame_comes_as_soon_as_its_samples_are_there(
    layer: Any, look_ahead: int
) -> None:
    model, _ = build_model(encoder_conf={**MODEL["encoder_conf"], "layer": layer})
    assert model.encoder.stack.look_ahead == look_ahead
    stream = StreamingAcousticModel(model)
    state, times = stream.default_state(), []
    with torch.no_grad():
        for t in range(1_500):
            log_probs, state = stream.forward_chunk(torch.randn(1, 1), state)
            times += [t + 1] * log_probs.size(1)
    assert stream.samples_per_frame == SAMPLES_PER_FRAME
    assert times == [i * 256 + stream.delay for i in range(len(times))]
    assert len(times) == 5 - look_ahead


def test_result_has_the_shape_of_espnets(exact: Speech2TextStreaming) -> None:
    samples = torch.randn(LENGTH)
    ((text, tokens, token_ids, hypothesis),) = exact(samples.numpy(), is_final=True)
    names = MODEL["token_list"]
    assert tokens == [names[number] for number in token_ids]
    assert text == "".join(tokens).replace("<space>", " ")
    eos = len(names) - 1
    assert hypothesis.yseq.tolist() == [eos, *token_ids, eos]
    path = posteriors(exact.asr_model, samples.double()).max(dim=-1)
    assert hypothesis.score == pytest.approx(path.values.sum().item())


def test_times_are_those_of_the_frames(exact: Speech2TextStreaming) -> None:
    samples = torch.randn(LENGTH)
    (result,) = exact(samples)
    path = posteriors(exact.asr_model, samples.double()).argmax(dim=-1).tolist()
    frames = result.hypothesis.states["frames"]
    assert [path[frame] for frame in frames] == result.token_ids
    assert result.seconds == [frame * 256 / 8_000 for frame in frames]
    assert frames == sorted(set(frames))


def test_stream_begins_anew_after_the_end_and_after_reset(
    exact: Speech2TextStreaming,
) -> None:
    samples = torch.randn(LENGTH)
    first = exact(samples)[0].token_ids
    assert exact(samples)[0].token_ids == first
    exact(samples[:3_000], is_final=False)
    exact.reset()
    assert exact.settled_text == ""
    assert exact(samples)[0].token_ids == first


def test_results_stay_as_they_were_when_more_samples_come(
    exact: Speech2TextStreaming,
) -> None:
    samples = torch.randn(LENGTH)
    (early,) = exact(samples[:3_000], is_final=False)
    copy = list(early.tokens), list(early.token_ids), early.hypothesis.yseq.clone()
    exact(samples[3_000:])
    assert (early.tokens, early.token_ids) == copy[:2]
    assert torch.equal(early.hypothesis.yseq, copy[2])


def test_new_segment_begins_a_text_within_the_stream(
    exact: Speech2TextStreaming,
) -> None:
    samples = torch.randn(LENGTH)
    whole = exact(samples)[0].token_ids
    first = exact(samples[:3_000], is_final=False)[0].token_ids
    exact.new_segment()
    assert first + exact(samples[3_000:])[0].token_ids == whole


def test_pause_is_the_time_since_the_last_token(exact: Speech2TextStreaming) -> None:
    assert exact.pause == 0
    samples = torch.randn(LENGTH, dtype=torch.float64)
    (result,) = exact(samples, is_final=False)
    path = posteriors(exact.asr_model, samples)
    come = (LENGTH - exact.acoustic_model.delay) // SAMPLES_PER_FRAME + 1
    assert 0 < come <= len(path)
    last = result.hypothesis.states["frames"][-1]
    assert exact.pause == pytest.approx((come - 1 - last) * 256 / 8_000)
    exact.new_segment()
    assert exact.pause == 0


def test_state_has_the_same_size_after_many_pieces_as_after_a_few() -> None:
    model, args = build_model()
    decoder = Speech2TextStreaming(asr_model=model, asr_train_args=args, beam_size=3)
    sizes = []
    for _ in range(20):
        decoder(torch.randn(2_560), is_final=False)
        sizes.append(len(pickle.dumps(decoder._stream)))
    assert max(sizes[2:]) - min(sizes[2:]) < 10  # bytes of a counter


def test_long_piece_is_computed_in_parts_of_the_same_result(
    exact: Speech2TextStreaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = torch.randn(LENGTH)
    whole = exact(samples)[0].token_ids
    monkeypatch.setattr(module, "LONGEST_PIECE", 500)
    assert exact(samples)[0].token_ids == whole


def test_of_several_channels_the_first_is_read_as_offline(
    exact: Speech2TextStreaming,
) -> None:
    samples = torch.randn(LENGTH, 2)
    assert exact(samples)[0].token_ids == exact(samples[:, 0])[0].token_ids


@pytest.mark.parametrize("length, reason", [(0, "0 samples"), (300, "5 frames")])
def test_recording_too_short_for_a_frame_fails_and_the_next_one_is_read(
    exact: Speech2TextStreaming, length: int, reason: str
) -> None:
    with pytest.raises(TooShortUttError, match=reason):
        exact(torch.randn(length))
    assert exact(torch.randn(LENGTH))[0].token_ids


def test_nothing_is_read_from_too_few_samples_before_the_end(
    exact: Speech2TextStreaming,
) -> None:
    (result,) = exact(torch.randn(10), is_final=False)
    assert result.token_ids == [] and result.text == ""


@pytest.mark.parametrize(
    "speech, message",
    [
        (torch.zeros(1, 2, 3), r"\(1, 2, 3\)"),
        (torch.tensor([0.0, float("nan")]), "no finite numbers"),
    ],
)
def test_wrong_samples_are_refused_and_the_stream_goes_on(
    exact: Speech2TextStreaming, speech: Tensor, message: str
) -> None:
    samples = torch.randn(LENGTH)
    whole = exact(samples)[0].token_ids
    exact(samples[:3_000], is_final=False)
    with pytest.raises(ValueError, match=message):
        exact(speech, is_final=False)
    assert exact(samples[3_000:])[0].token_ids == whole


def test_files_of_espnet3_and_a_packed_model_are_read(
    exact: Speech2TextStreaming, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, weights = save_model(Path("."))
    pack({"asr_model_file": weights}, {"asr_train_config": config}, "packed.zip")
    unpacked = unpack("packed.zip", "unpacked")
    samples = torch.randn(LENGTH)
    expected = exact(samples)[0].token_ids
    for files in (
        {"asr_train_config": config, "asr_model_file": weights},
        {"asr_model_file": weights},
        unpacked,
    ):
        decoder = Speech2TextStreaming.from_pretrained(**files, dtype="float64")
        assert decoder(samples)[0].token_ids == expected


def test_attention_decoder_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    model, args = build_model(
        model_conf={"ctc_weight": 0.3},
        decoder="transformer",
        decoder_conf={"num_blocks": 1, "linear_units": 8, "attention_heads": 2},
    )
    decoder = Speech2TextStreaming(
        asr_model=model, asr_train_args=args, dtype="float64", ctc_weight=0.3
    )
    assert "ctc_weight has no effect" in caplog.text
    samples = torch.randn(LENGTH, dtype=torch.float64)
    assert decoder(samples)[0].token_ids == greedy_offline(model, samples)


def test_without_a_tokenizer_there_is_no_text(parts: tuple[Any, Any]) -> None:
    model, args = parts
    decoder = Speech2TextStreaming(
        asr_model=model, asr_train_args=args, token_type="bpe"
    )
    (result,) = decoder(torch.randn(LENGTH))
    assert result.text is None and result.tokens


def test_beam_reads_the_likeliest_texts_and_never_takes_a_settled_one_back() -> None:
    model, args = build_model()
    decoder = Speech2TextStreaming(
        asr_model=model, asr_train_args=args, dtype="float64", beam_size=4, nbest=3
    )
    samples, settled = torch.randn(LENGTH, dtype=torch.float64), ""
    for piece, is_final in cut(samples, [1_000, 1_001, 4_000]):
        results = decoder(piece, is_final)
        assert all(text.startswith(settled) for text, _, _, _ in results)
        settled = decoder.settled_text or ""
    search = PrefixBeamSearch(4)
    log_probs = posteriors(model, samples)
    found, state = search.forward_chunk(log_probs, search.default_state())
    for result, ending in zip(results, search.endings(state)):
        assert result.token_ids == [t.number for t in [*found, *ending.tokens]]
        assert result.hypothesis.score == pytest.approx(ending.score)
    scores = [result.hypothesis.score for result in results]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)


def save_lm(folder: Path, **changes: Any) -> dict[str, Path]:
    args = {**LMTask.get_default_config(), "token_list": MODEL["token_list"]}
    args |= {"lm": "seq_rnn", "lm_conf": {"unit": 8, "nlayers": 1}, **changes}
    config, weights = folder / "lm.yaml", folder / "lm.pth"
    config.write_text(yaml.safe_dump(args))
    model, _ = LMTask.build_model_from_file(config)
    torch.save(model.state_dict(), weights)
    return {"lm_train_config": config, "lm_file": weights}


def test_language_model_changes_the_scores_by_its_weight(
    parts: tuple[Any, Any], tmp_path: Path
) -> None:
    model, args = parts
    samples, files = torch.randn(LENGTH), save_lm(tmp_path)
    scores = {}
    for weight in (0.0, 0.5):
        decoder = Speech2TextStreaming(
            asr_model=model, asr_train_args=args, beam_size=3, lm_weight=weight, **files
        )
        scores[weight] = decoder(samples)[0].hypothesis.score
    without = Speech2TextStreaming(asr_model=model, asr_train_args=args, beam_size=3)
    assert without(samples)[0].hypothesis.score == pytest.approx(scores[0.0])
    assert scores[0.5] < scores[0.0] - 1


@pytest.mark.parametrize(
    "beam_size, changes, message",
    [
        (1, {}, "beam_size: must be > 1 with a language model"),
        (2, {"token_list": ["a", "b"]}, "lm_train_config: must have the tokens"),
        (
            2,
            {"lm": "transformer", "lm_conf": {"unit": 8, "att_unit": 8, "layer": 1}},
            "lm: must be seq_rnn",
        ),
    ],
)
def test_language_model_that_does_not_fit_is_refused(
    parts: tuple[Any, Any],
    tmp_path: Path,
    beam_size: int,
    changes: dict[str, Any],
    message: str,
) -> None:
    model, args = parts
    files = save_lm(tmp_path, **changes)
    with pytest.raises(ConfigError, match=message):
        Speech2TextStreaming(
            asr_model=model, asr_train_args=args, beam_size=beam_size, **files
        )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"batch_size": 2}, "batch_size: must be 1, got 2"),
        ({"beam_size": 0}, "beam_size: must be an integer >= 1, got 0"),
        ({"nbest": "2"}, "nbest: must be an integer >= 1, got '2'"),
        ({"dtype": "int8"}, "dtype: must be one of .*, got 'int8'"),
        ({"asr_train_args": None}, "asr_model needs its asr_train_args"),
        ({"asr_model": None}, "pass asr_train_config"),
    ],
)
def test_wrong_option_is_refused(
    parts: tuple[Any, Any], options: dict[str, Any], message: str
) -> None:
    model, args = parts
    with pytest.raises(ValueError, match=message):
        Speech2TextStreaming(**{"asr_model": model, "asr_train_args": args, **options})
