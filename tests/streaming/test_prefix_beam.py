"""The prefix search sums all alignments, and pieces of any size give the same."""

from collections import defaultdict
from itertools import groupby, product
from typing import Any

import pytest
import torch
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from espnet2.lm.transformer_lm import TransformerLM
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from espnet_residuals import ConfigError
from espnet_residuals.streaming import prefix_beam as module
from espnet_residuals.streaming.greedy import GreedySearch
from espnet_residuals.streaming.prefix_beam import PrefixBeamSearch
from espnet_residuals.streaming.token import Token
from espnet_residuals.streaming.token_lm import TokenLM


def posteriors(frames: int, tokens: int, sharpness: float = 1.0) -> Tensor:
    return (sharpness * torch.randn(frames, tokens).double()).log_softmax(dim=-1)


def certain(*path: int) -> Tensor:
    """Return posteriors that leave no doubt."""
    return (20.0 * one_hot(torch.tensor(path), 3)).log_softmax(dim=-1)


def merged(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    return tuple(number for number, _ in groupby(path) if number != blank)


def every_text(log_probs: Tensor, blank: int = 0) -> dict[tuple[int, ...], float]:
    """Return the probability of each text, summed over all alignments."""
    frames, tokens = log_probs.shape
    texts: dict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(tokens), repeat=frames):
        chosen = log_probs[range(frames), list(path)]
        texts[merged(path, blank)] += chosen.sum().exp().item()
    return texts


class AllTokens(PrefixBeamSearch):
    """Leaves out no token."""

    def _candidates(self, beam: Any, frame: Tensor) -> list[list[tuple[int, float]]]:
        added: Any = [[0.0] * len(frame)] * len(beam)
        if self.lm is not None:
            contexts = [prefix.context for prefix in beam.values()]
            added = self.lm.scores(contexts).tolist()
        return [list(enumerate(row))[1:] for row in added]


def language_model(tokens: int, weight: float = 1.0, rnn_type: str = "lstm") -> TokenLM:
    lm = SequentialRNNLM(tokens, unit=8, nlayers=2, rnn_type=rnn_type)
    for parameter in lm.parameters():
        torch.nn.init.normal_(parameter)
    return TokenLM(lm.eval(), weight, sos=tokens - 1, eos=tokens - 1)


def search_all(
    search: Any, log_probs: Tensor, cuts: list[int]
) -> tuple[list[Token], Any]:
    """Read frames in pieces."""
    state, settled = search.default_state(), []
    bounds = [0, *cuts, len(log_probs)]
    for start, end in zip(bounds, bounds[1:]):
        new, state = search.forward_chunk(log_probs[start:end], state)
        settled += new
    return settled, state


def texts_of(search: Any, settled: list[Token], state: Any) -> dict[Any, float]:
    return {
        tuple(t.number for t in [*settled, *ending.tokens]): ending.score
        for ending in search.endings(state)
    }


@pytest.mark.parametrize("blank", [0, 2])
@settings(max_examples=20)
@given(frames=st.integers(1, 5), tokens=st.integers(3, 4))
def test_wide_beam_finds_the_probability_of_every_text(
    blank: int, frames: int, tokens: int
) -> None:
    log_probs = posteriors(frames, tokens)
    expected = every_text(log_probs, blank)
    search = PrefixBeamSearch(beam_size=len(expected) + 5, blank=blank)
    found = texts_of(search, *search_all(search, log_probs, []))
    likely = {text: score for text, score in found.items() if score > -float("inf")}
    assert likely.keys() == expected.keys()
    for text, score in likely.items():
        assert score == pytest.approx(torch.tensor(expected[text]).log().item())
    assert list(found) == sorted(found, key=lambda text: -found[text])


@pytest.mark.parametrize("with_lm", [False, True])
def test_narrow_beam_keeps_what_a_search_over_all_tokens_keeps(with_lm: bool) -> None:
    log_probs, beam_size = posteriors(60, 30, sharpness=2), 3
    lm = language_model(30) if with_lm else None
    narrow = PrefixBeamSearch(beam_size, lm=lm)
    every = AllTokens(beam_size, lm=lm)
    expected = texts_of(every, *search_all(every, log_probs, []))
    found = texts_of(narrow, *search_all(narrow, log_probs, []))
    assert found == pytest.approx(expected)


@settings(max_examples=15)
@given(cuts=st.lists(st.integers(0, 40), max_size=10).map(sorted))
def test_any_pieces_give_the_same_and_settled_tokens_stay(cuts: list[int]) -> None:
    log_probs, search = posteriors(40, 6, sharpness=3), PrefixBeamSearch(4)
    settled, state = search_all(search, log_probs, cuts)
    again, whole = search_all(search, log_probs, [])
    assert settled == again and state == whole
    assert settled, "the beam never agreed about a token"


def test_text_that_many_alignments_share_beats_the_best_path() -> None:
    log_probs = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).double().log()
    greedy, beam = GreedySearch(), PrefixBeamSearch(4)
    assert greedy.forward_chunk(log_probs, greedy.default_state())[0] == []
    _, state = beam.forward_chunk(log_probs, beam.default_state())
    assert beam.endings(state)[0].tokens == (Token(1, 0),)


def test_token_carries_the_frame_in_which_it_was_first_seen() -> None:
    search = PrefixBeamSearch(3)
    settled, state = search_all(search, certain(0, 2, 2, 0, 2, 1, 1), [3])
    best = [*settled, *search.endings(state)[0].tokens]
    assert best == [Token(2, 1), Token(2, 4), Token(1, 5)]


@pytest.mark.parametrize("rnn_type", ["lstm", "gru"])
def test_language_model_is_added_for_each_token_and_for_the_end(rnn_type: str) -> None:
    log_probs, lm = posteriors(4, 4), language_model(4, weight=0.7, rnn_type=rnn_type)
    search = PrefixBeamSearch(200, penalty=0.5, lm=lm)
    _, state = search_all(search, log_probs, [1])
    found = {
        tuple(token.number for token in ending.tokens): ending.score
        for ending in search.endings(state, is_final=True)
    }
    for text, probability in every_text(log_probs).items():
        ids = torch.tensor([[3, *text]])
        with torch.no_grad():
            logits, _ = lm._lm(ids, None)
        said = logits.log_softmax(dim=-1)[0, range(len(text) + 1), [*text, 3]].sum()
        expected = torch.tensor(probability).log() + 0.7 * said + 0.5 * len(text)
        assert found[text] == pytest.approx(expected.item(), rel=1e-5)
    scores = list(found.values())
    assert scores == sorted(scores, reverse=True)


@given(cuts=st.lists(st.integers(0, 25), max_size=5).map(sorted))
@settings(max_examples=8)
def test_any_pieces_give_the_same_with_a_language_model(cuts: list[int]) -> None:
    lm, log_probs = language_model(6), posteriors(25, 6, sharpness=3)
    search = PrefixBeamSearch(3, lm=lm)
    found = texts_of(search, *search_all(search, log_probs, cuts))
    assert found == texts_of(search, *search_all(search, log_probs, []))


def test_language_model_whose_state_grows_is_refused() -> None:
    lm = TransformerLM(5, att_unit=8, head=2, unit=8, layer=1)
    with pytest.raises(ConfigError, match="lm: must be seq_rnn .* got TransformerLM"):
        TokenLM(lm, 1.0, 4, 4)


@pytest.mark.parametrize("penalty", [-5.0, 0.0, 5.0])
def test_penalty_is_added_for_each_token(penalty: float) -> None:
    log_probs = posteriors(4, 3)
    search = PrefixBeamSearch(100, penalty=penalty)
    found = texts_of(search, *search_all(search, log_probs, []))
    for text, probability in every_text(log_probs).items():
        expected = torch.tensor(probability).log().item() + penalty * len(text)
        assert found[text] == pytest.approx(expected)


def test_state_does_not_grow_even_if_the_beam_never_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_OPEN", 5)
    doubtful = torch.full((200, 3), 1 / 3).double().log()
    search = PrefixBeamSearch(4)
    state, settled = search.default_state(), []
    for frame in doubtful.split(1):
        new, state = search.forward_chunk(frame, state)
        settled += new
        assert max(map(len, state.beam)) <= 6
        assert 1 <= len(state.beam) <= 4
    assert settled


def test_conclusion_begins_a_text_that_may_repeat_the_last_token() -> None:
    search = PrefixBeamSearch(3)
    _, state = search.forward_chunk(certain(2, 1), search.default_state())
    state = search.conclude(state)
    (ending,) = search.endings(state)
    assert ending.tokens == () and ending.score == pytest.approx(0.0)
    _, still = search.forward_chunk(certain(1, 1), state)
    _, anew = search.forward_chunk(certain(0, 1, 0), state)
    assert search.endings(still)[0].tokens == ()
    assert search.endings(anew)[0].tokens == (Token(1, 3),)


def test_beam_of_no_prefix_is_refused() -> None:
    with pytest.raises(ConfigError, match="beam_size: must be an integer >= 1"):
        PrefixBeamSearch(0)
