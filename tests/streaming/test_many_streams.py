"""Streams of many users are read in batches, and each as if it were alone."""

from typing import Any, NamedTuple, Optional

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals import ConfigError
from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.streaming.acoustic_model import StreamingAcousticModel
from espnet_residuals.streaming.grouped import Piece, forward_grouped
from espnet_residuals.streaming.many_streams import ManyStreams, Stream
from espnet_residuals.streaming.states import stack, structure, unstack
from tests.streaming.models import MODEL, build_model, greedy_offline, posteriors

USERS, LENGTH = 3, 5_000
ATTENTION = {"_name_": "mha", "n_head": 2, "left_context": 6, "look_ahead": 1}
LAYERS: dict[str, Any] = {
    "s4d": ["s4d", "ff"],
    "mamba2": [{"_name_": "mamba2", "d_state": 8}, "ff"],
    "conv": ["s4d", {"_name_": "conv", "kernel": 5, "look_ahead": 2}],
    "relative": [ATTENTION, "ff"],
    "rotary": [{**ATTENTION, "positions": "rotary", "look_ahead": 0}],
}


class Pair(NamedTuple):
    real: Tensor
    rest: list[Any]


def build(layer: Any) -> Speech2TextStreaming:
    model, args = build_model(encoder_conf={**MODEL["encoder_conf"], "layer": layer})
    return Speech2TextStreaming(asr_model=model, asr_train_args=args, dtype="float64")


@pytest.fixture(scope="module", params=list(LAYERS.values()), ids=list(LAYERS))
def speech2text(request: pytest.FixtureRequest) -> Speech2TextStreaming:
    return build(request.param)


@pytest.fixture(scope="module")
def of_s4d() -> Speech2TextStreaming:
    return build("s4d")


def recordings(count: int = USERS, length: int = LENGTH) -> Tensor:
    return torch.randn(count, length, dtype=torch.float64)


def tokens(stream: Stream) -> list[int]:
    (best,) = stream.results
    return best.token_ids


def state_of(batch: int, number: Optional[int] = None) -> Any:
    real = torch.randn(batch, 2, 3)
    return Pair(real, [(torch.complex(real, real), number), None, []])


def test_batch_comes_apart_into_what_was_stacked() -> None:
    states = [state_of(1, 7) for _ in range(3)]
    batch = stack(states)
    assert batch.real.shape == (3, 2, 3) and batch.rest[0][1] == 7
    assert batch.rest[0][0].dtype == torch.complex64
    torch.testing.assert_close(unstack(batch, 3), states, rtol=0, atol=0)


def test_state_that_is_kept_holds_no_memory_of_the_others() -> None:
    one, _ = unstack(stack([state_of(1), state_of(1)]), 2)
    assert one.real.untyped_storage().nbytes() == one.real.nbytes


def test_structure_tells_what_cannot_be_stacked() -> None:
    one = state_of(1, 7)
    assert structure(one) == structure(state_of(5, 7))
    longer = one._replace(real=torch.zeros(1, 3, 3))
    wider = one._replace(real=one.real.double())
    for other in (state_of(1, 8), longer, wider, tuple(one)):
        assert structure(one) != structure(other)


@settings(max_examples=10)
@given(
    actions=st.lists(
        st.tuples(
            st.integers(0, USERS - 1),
            st.sampled_from([0, 1, 100, 256, 999, 2_000, None]),
            st.booleans(),
        ),
        max_size=30,
    ),
    chunk=st.sampled_from([0.001, 0.05, 0.2]),
)
def test_each_user_reads_what_he_says_whenever_the_others_come_and_go(
    speech2text: Speech2TextStreaming,
    actions: list[tuple[int, Optional[int], bool]],
    chunk: float,
) -> None:
    many, samples = ManyStreams(speech2text, chunk), recordings()
    streams: dict[int, Stream] = {}
    starts = [0] * USERS
    for user, count, runs in actions:
        if count is None and user in streams:
            many.drop(streams.pop(user))
        elif count is not None:
            if user not in streams:
                streams[user], starts[user] = many.begin(), 0
            end = starts[user] + count
            streams[user].push(samples[user, starts[user] : end])
            starts[user] = end
        if runs:
            many.run()
    for user, stream in streams.items():
        stream.push(samples[user, starts[user] :])
        stream.end()
    while many.run():
        pass
    for user, stream in streams.items():
        assert tokens(stream) == greedy_offline(speech2text.asr_model, samples[user])


@settings(max_examples=10)
@given(
    rounds=st.lists(
        st.lists(st.sampled_from([0, 256, 512, 700]), min_size=USERS, max_size=USERS),
        max_size=6,
    )
)
def test_posteriors_of_each_stream_are_those_of_its_whole_recording(
    speech2text: Speech2TextStreaming, rounds: list[list[int]]
) -> None:
    model, samples = StreamingAcousticModel(speech2text.asr_model), recordings()
    states = [model.default_state() for _ in range(USERS)]
    frames: list[list[Tensor]] = [[] for _ in range(USERS)]
    starts = [0] * USERS
    for counts in [*rounds, [LENGTH] * USERS]:
        ends = [start + count for start, count in zip(starts, counts)]
        pieces = [
            Piece(samples[i : i + 1, starts[i] : ends[i]], states[i], ends[i] >= LENGTH)
            for i in range(USERS)
        ]
        with torch.no_grad():
            outputs = forward_grouped(model, pieces)
        for i, (log_probs, state) in enumerate(outputs):
            frames[i].append(log_probs[0])
            states[i] = state
        starts = ends
    for i in range(USERS):
        whole = posteriors(speech2text.asr_model, samples[i])
        torch.testing.assert_close(torch.cat(frames[i]), whole, rtol=1e-6, atol=1e-6)


def test_streams_that_began_at_different_times_become_one_batch(
    speech2text: Speech2TextStreaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ManyStreams(speech2text, chunk=0.1)
    first = many.begin()
    first.push(torch.randn(10 * many.chunk_length))
    for _ in range(3):
        many.run()
    second = many.begin()
    second.push(torch.randn(10 * many.chunk_length + 5))
    for _ in range(4):
        many.run()
    sizes: list[int] = []
    forward_chunk = StreamingAcousticModel.forward_chunk

    def counted(self: Any, samples: Tensor, *rest: Any) -> Any:
        sizes.append(len(samples))
        return forward_chunk(self, samples, *rest)

    monkeypatch.setattr(StreamingAcousticModel, "forward_chunk", counted)
    assert many.run() == [first, second]
    assert sizes == [2]


def test_nothing_is_read_before_a_chunk_is_there_or_the_end(
    of_s4d: Speech2TextStreaming,
) -> None:
    many = ManyStreams(of_s4d, chunk=0.3)
    assert many.chunk_length == 10 * of_s4d.acoustic_model.samples_per_frame
    stream = many.begin()
    stream.push(torch.randn(many.chunk_length - 1))
    assert many.run() == [] and stream.n_waiting == many.chunk_length - 1
    stream.end()
    assert many.run() == [stream] and stream.is_over
    assert many.run() == []


def test_recording_too_short_for_a_frame_has_no_text_and_stops_nobody(
    of_s4d: Speech2TextStreaming,
) -> None:
    many, (samples,) = ManyStreams(of_s4d), recordings(1)
    short, empty, whole = (many.begin() for _ in range(3))
    short.push(samples[:300])
    whole.push(samples)
    for stream in (short, empty, whole):
        stream.end()
    while many.run():
        pass
    assert short.is_over and short.settled_text == ""
    assert empty.is_over and tokens(empty) == []
    assert tokens(whole) == greedy_offline(of_s4d.asr_model, samples)


def test_new_segment_begins_a_text_within_the_stream(
    of_s4d: Speech2TextStreaming,
) -> None:
    many, (samples,) = ManyStreams(of_s4d, chunk=0.1), recordings(1)
    stream = many.begin()
    stream.push(samples[:3_000])
    while many.run():
        pass
    first = tokens(stream)
    assert first and stream.pause >= 0
    stream.new_segment()
    stream.push(samples[3_000:])
    stream.end()
    while many.run():
        pass
    assert first + tokens(stream) == greedy_offline(of_s4d.asr_model, samples)


def test_beam_and_its_settled_text_are_those_of_the_stream_alone() -> None:
    model, args = build_model()
    speech2text = Speech2TextStreaming(
        asr_model=model, asr_train_args=args, dtype="float64", beam_size=3, nbest=2
    )
    many, samples = ManyStreams(speech2text, chunk=0.1), recordings(2)
    streams = [many.begin(), many.begin()]
    for stream, each in zip(streams, samples):
        stream.push(each)
        stream.end()
    while many.run():
        for stream in streams:
            (best, _), settled = stream.results, stream.settled_text or ""
            assert best.text.startswith(settled)
    for stream, each in zip(streams, samples):
        alone = speech2text(each)
        assert [r.text for r in stream.results] == [r.text for r in alone]


def test_samples_behind_the_end_are_refused(of_s4d: Speech2TextStreaming) -> None:
    stream = ManyStreams(of_s4d).begin()
    stream.end()
    with pytest.raises(ValueError, match="behind the end of the stream"):
        stream.push(torch.randn(10))


@pytest.mark.parametrize("chunk", [0, -1, "short"])
def test_chunk_of_no_length_is_refused(
    of_s4d: Speech2TextStreaming, chunk: Any
) -> None:
    with pytest.raises(ConfigError, match="chunk: must be a finite number > 0"):
        ManyStreams(of_s4d, chunk)
