"""CTC's likeliest prefixes, as the frames come."""

import math
from heapq import nlargest
from itertools import takewhile
from typing import NamedTuple

from torch import Tensor

from espnet_residuals.config import check_integer
from espnet_residuals.streaming.token import Ending, Token

NEVER = -math.inf
# Tokens that the beam disagrees about; beyond, those that differ from the best go.
MOST_OPEN = 100

Numbers = tuple[int, ...]


class Prefix(NamedTuple):
    """A text that may have been said, and what speaks for it.

    Attributes:
        frames (Numbers): The frame in which each open token is first seen, in the
            likelier half of the alignments whenever two halves meet.
        blank (float): Log probability of all alignments that end in a blank.
        token (float): Log probability of those that end in the last token.
    """

    frames: Numbers
    blank: float
    token: float

    @property
    def total(self) -> float:
        """Log probability of all alignments."""
        return _add(self.blank, self.token)


class BeamState(NamedTuple):
    """Where the search stands.

    Attributes:
        beam (dict[Numbers, Prefix]): The prefixes by the tokens behind the settled
            ones, the best first.
        last (int): The last settled token; the blank if there is none.
        n_frames (int): Frames so far.
        n_settled (int): Settled tokens.
    """

    beam: dict[Numbers, Prefix]
    last: int
    n_frames: int
    n_settled: int


class PrefixBeamSearch:
    """Sum the alignments of each text, and keep the likeliest texts.

    The prefix search of Hannun et al., "First-Pass Large Vocabulary Continuous Speech
    Recognition using Bi-Directional Recurrent DNNs" (2014,
    https://arxiv.org/abs/1408.2873), without a language model. Tokens that all
    prefixes of the beam begin with are settled and leave the state, so that it does not
    grow. Any pieces give the same.

    Args:
        beam_size (int): How many prefixes are kept.
        blank (int): CTC's blank.
        penalty (float): Added to the score for each token, as ESPnet's insertion
            bonus.

    Raises:
        ConfigError: If there is no such beam size.

    Examples:
        >>> import torch
        >>> search = PrefixBeamSearch(beam_size=4)
        >>> frames = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()
        >>> settled, state = search.forward_chunk(frames, search.default_state())
        >>> settled  # "" has 0.36, and (1,) has 0.64 in three alignments
        []
        >>> search.endings(state)[0]
        Ending(tokens=(Token(number=1, frame=0),), score=-0.446...)
    """

    def __init__(self, beam_size: int, blank: int = 0, penalty: float = 0.0) -> None:
        self.beam_size = check_integer("beam_size", beam_size, minimum=1)
        self.blank = blank
        self.penalty = penalty

    def default_state(self) -> BeamState:
        """Return the state before the first frame."""
        return BeamState({(): Prefix((), 0.0, NEVER)}, self.blank, 0, 0)

    def forward_chunk(
        self, log_probs: Tensor, state: BeamState
    ) -> tuple[list[Token], BeamState]:
        """Read the next frames.

        Args:
            log_probs (Tensor): Log posteriors, (length, tokens).
            state (BeamState): State before them; it is not changed.

        Returns:
            tuple[list[Token], BeamState]: The tokens that are settled from now on, and
            the state behind the frames.
        """
        settled: list[Token] = []
        for scores, candidates in zip(
            log_probs.double().tolist(), self._candidates(log_probs)
        ):
            grown = self._grow(state, scores, candidates)
            kept = nlargest(self.beam_size, grown.items(), key=self._rank)
            new, state = _settle(dict(kept), state)
            settled += new
        return settled, state

    def endings(self, state: BeamState) -> list[Ending]:
        """Return how the settled tokens may go on.

        Args:
            state (BeamState): The state.

        Returns:
            list[Ending]: The prefixes of the beam, the best first.
        """
        settled = self.penalty * state.n_settled
        return [
            Ending(_tokens(item), self._rank(item) + settled)
            for item in state.beam.items()
        ]

    def conclude(self, state: BeamState) -> BeamState:
        """Settle the best prefix, and count scores from here.

        Args:
            state (BeamState): The state.

        Returns:
            BeamState: The state of a new text in the same stream.
        """
        numbers, best = next(iter(state.beam.items()))
        total = best.total
        last = numbers[-1] if numbers else state.last
        start = Prefix((), best.blank - total, best.token - total)
        return BeamState({(): start}, last, state.n_frames, 0)

    def _rank(self, item: tuple[Numbers, Prefix]) -> float:
        numbers, prefix = item
        return prefix.total + self.penalty * len(numbers)

    def _candidates(self, log_probs: Tensor) -> list[list[int]]:
        """Return the tokens that a prefix may go on with, for each frame.

        Another token cannot come into the beam: the prefix goes on better with these,
        of which only one may be a repetition.
        """
        others = log_probs.clone()
        others[:, self.blank] = NEVER
        count = min(self.beam_size + 1, others.size(1) - 1)
        best: list[list[int]] = others.topk(count, dim=-1).indices.tolist()
        return best

    def _grow(
        self, state: BeamState, scores: list[float], candidates: list[int]
    ) -> dict[Numbers, Prefix]:
        """Add a frame to all prefixes."""
        grown: dict[Numbers, Prefix] = {}
        # A prefix gives its share to a longer one that is there, however unlikely.
        followers = {numbers: set(candidates) for numbers in state.beam}
        for numbers in state.beam:
            if numbers[:-1] in followers and numbers:
                followers[numbers[:-1]].add(numbers[-1])
        for numbers, prefix in state.beam.items():
            last = numbers[-1] if numbers else state.last
            total = prefix.total
            again = NEVER if last == self.blank else prefix.token + scores[last]
            stays = Prefix(prefix.frames, total + scores[self.blank], again)
            _enter(grown, numbers, stays)
            frames = (*prefix.frames, state.n_frames)
            for number in followers[numbers]:
                before = prefix.blank if number == last else total
                longer = Prefix(frames, NEVER, before + scores[number])
                _enter(grown, (*numbers, number), longer)
        return grown


def _enter(grown: dict[Numbers, Prefix], numbers: Numbers, more: Prefix) -> None:
    """Add alignments to those of a prefix."""
    there = grown.get(numbers)
    if there is not None:
        more = Prefix(
            max(there, more, key=lambda prefix: prefix.total).frames,
            _add(there.blank, more.blank),
            _add(there.token, more.token),
        )
    grown[numbers] = more


def _settle(
    beam: dict[Numbers, Prefix], state: BeamState
) -> tuple[list[Token], BeamState]:
    """Take what all prefixes begin with out of the beam."""
    if max(map(len, beam)) > MOST_OPEN:
        first = next(iter(beam))[:1]
        beam = {key: prefix for key, prefix in beam.items() if key[:1] == first}
    count = _common(min(beam), max(beam))
    settled = _tokens(next(iter(beam.items())))[:count]
    rest = {
        numbers[count:]: prefix._replace(frames=prefix.frames[count:])
        for numbers, prefix in beam.items()
    }
    last = settled[-1].number if settled else state.last
    behind = BeamState(rest, last, state.n_frames + 1, state.n_settled + count)
    return list(settled), behind


def _tokens(item: tuple[Numbers, Prefix]) -> tuple[Token, ...]:
    numbers, prefix = item
    return tuple(map(Token, numbers, prefix.frames))


def _common(first: Numbers, last: Numbers) -> int:
    """Return how many numbers the least and the greatest prefix begin with."""
    pairs = zip(first, last)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
