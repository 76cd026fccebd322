"""A language model over the tokens that CTC reads."""

from typing import Any, NamedTuple, Optional, Sequence

import torch
from espnet2.lm.seq_rnn_lm import SequentialRNNLM
from torch import Tensor

from espnet_residuals.config import ConfigError


class Context(NamedTuple):
    """What has been said, as the language model keeps it.

    Attributes:
        scores (Tensor): Weighted log probabilities of the next token, (tokens,).
        state (Any): The model's state, of a size that does not grow.
    """

    scores: Tensor
    state: Any


class TokenLM:
    """ESPnet's recurrent language model (``lm: seq_rnn``), token by token.

    Args:
        lm (SequentialRNNLM): The model, in evaluation mode.
        weight (float): What its log probabilities are multiplied by.
        sos (int): ESPnet's start token.
        eos (int): ESPnet's end token.

    Raises:
        ConfigError: If the model is another, whose state grows with the text.

    Examples:
        >>> lm = TokenLM(SequentialRNNLM(5, unit=4, nlayers=1).eval(), 1.0, 4, 4)
        >>> (context,) = lm.follow([lm.start()], [2])
        >>> round(context.scores.exp().sum().item(), 5)
        1.0
    """

    def __init__(self, lm: Any, weight: float, sos: int, eos: int) -> None:
        if not isinstance(lm, SequentialRNNLM):
            raise ConfigError(
                "lm",
                "must be seq_rnn to stream, since the state of others grows with the "
                f"text, got {type(lm).__name__}",
            )
        self._lm = lm
        self._weight = weight
        self._sos = sos
        self.eos = eos

    def start(self) -> Context:
        """Return the context before the first token."""
        return self._next([None], [self._sos])[0]

    def follow(
        self, contexts: Sequence[Optional[Context]], tokens: Sequence[int]
    ) -> list[Context]:
        """Return the contexts behind one more token each.

        Args:
            contexts (Sequence[Optional[Context]]): Contexts before the tokens.
            tokens (Sequence[int]): The tokens.

        Returns:
            list[Context]: The contexts behind them.
        """
        return self._next([context.state for context in contexts if context], tokens)

    def scores(self, contexts: Sequence[Optional[Context]]) -> Tensor:
        """Return what several contexts say of the next token.

        Args:
            contexts (Sequence[Optional[Context]]): The contexts.

        Returns:
            Tensor: Weighted log probabilities, (contexts, tokens).
        """
        return torch.stack([context.scores for context in contexts if context])

    @torch.no_grad()
    def _next(self, states: list[Any], tokens: Sequence[int]) -> list[Context]:
        device = next(self._lm.parameters()).device
        ys = torch.tensor(tokens, device=device).unsqueeze(1)
        log_probs, states = self._lm.batch_score(ys, states, None)
        scores = self._weight * log_probs.double().cpu()
        return list(map(Context, scores, states))
