"""CTC's likeliest prefixes, as the frames come."""

import math
from heapq import nlargest
from itertools import takewhile
from typing import NamedTuple, Optional

from torch import Tensor

from espnet_residuals.config import check_integer
from espnet_residuals.streaming.token import Ending, Token
from espnet_residuals.streaming.token_lm import Context, TokenLM

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
        bonus (float): What language model and penalty add for all tokens.
        context (Optional[Context]): What the language model says of the next token;
            None without one, or not yet.
    """

    frames: Numbers
    blank: float
    token: float
    bonus: float
    context: Optional[Context]

    @property
    def total(self) -> float:
        """Log probability of all alignments."""
        return _add(self.blank, self.token)

    @property
    def score(self) -> float:
        """What prefixes are compared by."""
        return self.total + self.bonus


class BeamState(NamedTuple):
    """Where the search stands.

    Attributes:
        beam (dict[Numbers, Prefix]): The prefixes by the tokens behind the settled
            ones, the best first.
        last (int): The last settled token; the blank if there is none.
        n_frames (int): Frames so far.
    """

    beam: dict[Numbers, Prefix]
    last: int
    n_frames: int


class PrefixBeamSearch:
    """Sum the alignments of each text, and keep the likeliest texts.

    The prefix search of Hannun et al., "First-Pass Large Vocabulary Continuous Speech
    Recognition using Bi-Directional Recurrent DNNs" (2014,
    https://arxiv.org/abs/1408.2873), with a language model over the same tokens. Tokens
    that all prefixes of the beam begin with are settled and leave the state, so that it
    does not grow. Any pieces give the same.

    Args:
        beam_size (int): How many prefixes are kept.
        blank (int): CTC's blank.
        penalty (float): Added to the score for each token, as ESPnet's insertion
            bonus.
        lm (Optional[TokenLM]): Language model.

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

    def __init__(
        self,
        beam_size: int,
        blank: int = 0,
        penalty: float = 0.0,
        lm: Optional[TokenLM] = None,
    ) -> None:
        self.beam_size = check_integer("beam_size", beam_size, minimum=1)
        self.blank = blank
        self.penalty = penalty
        self.lm = lm

    def default_state(self) -> BeamState:
        """Return the state before the first frame."""
        start = Prefix((), 0.0, NEVER, 0.0, self.lm.start() if self.lm else None)
        return BeamState({(): start}, self.blank, 0)

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
        for frame in log_probs.double().cpu():
            grown = self._grow(state, frame)
            kept = nlargest(self.beam_size, grown.items(), key=lambda i: i[1].score)
            beam = self._with_contexts(dict(kept), state.beam)
            new, state = _settle(beam, state)
            settled += new
        return settled, state

    def endings(self, state: BeamState, is_final: bool = False) -> list[Ending]:
        """Return how the settled tokens may go on.

        Args:
            state (BeamState): The state.
            is_final (bool): Whether nothing follows, for the language model.

        Returns:
            list[Ending]: The prefixes of the beam, the best first.
        """
        endings = [
            Ending(_tokens(item), item[1].score + self._end(item[1], is_final))
            for item in state.beam.items()
        ]
        return sorted(endings, key=lambda ending: -ending.score)

    def conclude(self, state: BeamState) -> BeamState:
        """Settle the best prefix, and count scores from here.

        Args:
            state (BeamState): The state.

        Returns:
            BeamState: The state of a new text in the same stream.
        """
        numbers, best = next(iter(state.beam.items()))
        total = best.total
        anew = self.default_state()
        start = anew.beam[()]._replace(
            blank=best.blank - total, token=best.token - total
        )
        last = numbers[-1] if numbers else state.last
        return BeamState({(): start}, last, state.n_frames)

    def _end(self, prefix: Prefix, is_final: bool) -> float:
        if self.lm is None or prefix.context is None or not is_final:
            return 0.0
        return prefix.context.scores[self.lm.eos].item()

    def _grow(self, state: BeamState, frame: Tensor) -> dict[Numbers, Prefix]:
        """Add a frame to all prefixes."""
        grown: dict[Numbers, Prefix] = {}
        scores = frame.tolist()
        followers = self._followers(state.beam, frame)
        for numbers, prefix in state.beam.items():
            last = numbers[-1] if numbers else state.last
            total = prefix.total
            again = NEVER if last == self.blank else prefix.token + scores[last]
            stays = prefix._replace(blank=total + scores[self.blank], token=again)
            _enter(grown, numbers, stays)
            frames = (*prefix.frames, state.n_frames)
            for number, bonus in followers[numbers].items():
                before = prefix.blank if number == last else total
                longer = Prefix(frames, NEVER, before + scores[number], bonus, None)
                _enter(grown, (*numbers, number), longer)
        return grown

    def _followers(
        self, beam: dict[Numbers, Prefix], frame: Tensor
    ) -> dict[Numbers, dict[int, float]]:
        """Return the tokens that each prefix may go on with, and the bonus then."""
        nexts = self._candidates(beam, frame)
        followers = {
            numbers: {
                number: prefix.bonus + self.penalty + more
                for number, more in candidates
            }
            for (numbers, prefix), candidates in zip(beam.items(), nexts)
        }
        # A prefix gives its share to a longer one that is there, however unlikely.
        for numbers, prefix in beam.items():
            if numbers and numbers[:-1] in followers:
                followers[numbers[:-1]][numbers[-1]] = prefix.bonus
        return followers

    def _candidates(
        self, beam: dict[Numbers, Prefix], frame: Tensor
    ) -> list[list[tuple[int, float]]]:
        """Return for each prefix tokens to go on with, and what the model adds.

        Another token cannot come into the beam: the prefix goes on better with these,
        of which only one may be a repetition.
        """
        rated = frame.clone()
        rated[self.blank] = NEVER
        count = min(self.beam_size + 1, len(rated) - 1)
        if self.lm is None:
            numbers = rated.topk(count).indices.tolist()
            return [[(number, 0.0) for number in numbers]] * len(beam)
        model = self.lm.scores([prefix.context for prefix in beam.values()])
        best = (rated + model).topk(count, dim=-1).indices
        added = model.gather(1, best).tolist()
        return [list(zip(*pair)) for pair in zip(best.tolist(), added)]

    def _with_contexts(
        self, beam: dict[Numbers, Prefix], before: dict[Numbers, Prefix]
    ) -> dict[Numbers, Prefix]:
        """Ask the language model what may follow the prefixes that are new."""
        fresh = [key for key, prefix in beam.items() if prefix.context is None]
        if self.lm is None or not fresh:
            return beam
        contexts = self.lm.follow(
            [before[key[:-1]].context for key in fresh], [key[-1] for key in fresh]
        )
        new = dict(zip(fresh, contexts))
        return {
            key: prefix._replace(context=new.get(key, prefix.context))
            for key, prefix in beam.items()
        }


def _enter(grown: dict[Numbers, Prefix], numbers: Numbers, more: Prefix) -> None:
    """Add alignments to those of a prefix."""
    there = grown.get(numbers)
    if there is not None:
        more = Prefix(
            max(there, more, key=lambda prefix: prefix.total).frames,
            _add(there.blank, more.blank),
            _add(there.token, more.token),
            more.bonus,
            there.context or more.context,
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
    return list(settled), BeamState(rest, last, state.n_frames + 1)


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
