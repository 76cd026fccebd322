"""What has been read so far, in the shape of ESPnet's results."""

from typing import NamedTuple, Optional, Sequence

import torch
from espnet2.legacy.nets.beam_search import Hypothesis
from espnet2.text.abs_tokenizer import AbsTokenizer

from espnet_residuals.streaming.running_text import RunningText
from espnet_residuals.streaming.token import Ending, Token


class Result(NamedTuple):
    """One reading, which unpacks as ESPnet's does.

    Attributes:
        text (Optional[str]): The text; None without a tokenizer.
        tokens (list[str]): The tokens.
        token_ids (list[int]): Their numbers.
        hypothesis (Hypothesis): Log probability as ``score``; the numbers between
            ESPnet's start and end tokens as ``yseq``; ``frames`` and ``seconds`` of the
            tokens in ``states``.
    """

    text: Optional[str]
    tokens: list[str]
    token_ids: list[int]
    hypothesis: Hypothesis

    @property
    def seconds(self) -> list[float]:
        """Where in the recording each token was first seen."""
        return list(self.hypothesis.states["seconds"])


class Transcript:
    """Tokens that are settled, and what they look like as text.

    Args:
        token_list (Sequence[str]): The model's tokens.
        tokenizer (Optional[AbsTokenizer]): Makes text of tokens; None: there is none.
        sos (int): ESPnet's start token.
        eos (int): ESPnet's end token.
        frame_rate (float): Frames a second.
    """

    def __init__(
        self,
        token_list: Sequence[str],
        tokenizer: Optional[AbsTokenizer],
        sos: int,
        eos: int,
        frame_rate: float,
    ) -> None:
        self.frame_rate = frame_rate
        self._token_list = token_list
        self._text = RunningText(tokenizer)
        self._yseq = torch.tensor([sos])
        self._eos = torch.tensor([eos])
        self._tokens: list[str] = []
        self._token_ids: list[int] = []
        self._frames: list[int] = []
        self._seconds: list[float] = []

    @property
    def text(self) -> Optional[str]:
        """The settled text, which later results only continue."""
        return self._text.text

    def last_frame(self, ending: Ending) -> Optional[int]:
        """Return the frame of the last token.

        Args:
            ending (Ending): How the settled tokens go on.

        Returns:
            Optional[int]: The frame; None if there is no token.
        """
        if ending.tokens:
            return ending.tokens[-1].frame
        return self._frames[-1] if self._frames else None

    def add(self, tokens: Sequence[Token]) -> None:
        """Append tokens that will not be taken back.

        Args:
            tokens (Sequence[Token]): The tokens.
        """
        if tokens:
            numbers, names = self._names(tokens)
            self._tokens += names
            self._token_ids += numbers
            frames, seconds = self._times(tokens)
            self._frames += frames
            self._seconds += seconds
            self._text = self._text.plus(names)
            self._yseq = torch.cat([self._yseq, torch.tensor(numbers)])

    def result(self, ending: Ending) -> Result:
        """Return the reading that goes on from the settled tokens in one way.

        Args:
            ending (Ending): How it goes on.

        Returns:
            Result: A copy, which later tokens do not change.
        """
        numbers, names = self._names(ending.tokens)
        more = torch.tensor(numbers, dtype=torch.long)
        yseq = torch.cat([self._yseq, more, self._eos])
        frames, seconds = self._times(ending.tokens)
        times = {"frames": self._frames + frames, "seconds": self._seconds + seconds}
        return Result(
            self._text.plus(names).text,
            self._tokens + names,
            self._token_ids + numbers,
            Hypothesis(yseq, ending.score, {"ctc": ending.score}, times),
        )

    def _names(self, tokens: Sequence[Token]) -> tuple[list[int], list[str]]:
        numbers = [token.number for token in tokens]
        return numbers, [self._token_list[number] for number in numbers]

    def _times(self, tokens: Sequence[Token]) -> tuple[list[int], list[float]]:
        frames = [token.frame for token in tokens]
        return frames, [frame / self.frame_rate for frame in frames]
