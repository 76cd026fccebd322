"""CTC's likeliest token of each frame, as the frames come."""

from typing import NamedTuple

from torch import Tensor

from espnet_residuals.streaming.token import Ending, Token


class GreedyState(NamedTuple):
    """Where the search stands.

    Attributes:
        last (int): The likeliest token of the last frame.
        n_frames (int): Frames so far.
        score (float): Log probability of the path so far.
    """

    last: int
    n_frames: int
    score: float


class GreedySearch:
    """Read CTC without a beam: repetitions merged, blanks removed.

    A frame is judged by itself, so what was read is never taken back.

    Args:
        blank (int): CTC's blank.

    Examples:
        >>> import torch
        >>> search = GreedySearch(blank=0)
        >>> path = torch.nn.functional.one_hot(torch.tensor([0, 2, 2, 0, 2, 1])).log()
        >>> first, state = search.forward_chunk(path[:3], search.default_state())
        >>> second, state = search.forward_chunk(path[3:], state)
        >>> [tuple(token) for token in first + second]
        [(2, 1), (2, 4), (1, 5)]
    """

    def __init__(self, blank: int = 0) -> None:
        self.blank = blank

    def default_state(self) -> GreedyState:
        """Return the state before the first frame."""
        return GreedyState(self.blank, 0, 0.0)

    def forward_chunk(
        self, log_probs: Tensor, state: GreedyState
    ) -> tuple[list[Token], GreedyState]:
        """Read the next frames.

        Args:
            log_probs (Tensor): Log posteriors, (length, tokens).
            state (GreedyState): State before them.

        Returns:
            tuple[list[Token], GreedyState]: The tokens that the frames add, and the
            state behind them.
        """
        if len(log_probs) == 0:
            return [], state
        values, best = log_probs.max(dim=-1)
        numbers = best.tolist()
        tokens = [
            Token(number, state.n_frames + t)
            for t, (before, number) in enumerate(zip([state.last, *numbers], numbers))
            if number not in (before, self.blank)
        ]
        score = state.score + values.double().sum().item()
        return tokens, GreedyState(numbers[-1], state.n_frames + len(numbers), score)

    def endings(self, state: GreedyState, is_final: bool = False) -> list[Ending]:
        """Return how the tokens so far may go on: there is nothing but them.

        Args:
            state (GreedyState): The state.
            is_final (bool): No effect.

        Returns:
            list[Ending]: One, without a token.
        """
        return [Ending((), state.score)]

    def conclude(self, state: GreedyState) -> GreedyState:
        """Count scores from here.

        Args:
            state (GreedyState): The state.

        Returns:
            GreedyState: The state of a new text in the same stream.
        """
        return state._replace(score=0.0)
