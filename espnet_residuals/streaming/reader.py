"""The text of one stream of log posteriors."""

from typing import Any, Callable, Optional

from torch import Tensor

from espnet_residuals.streaming.transcript import Result, Transcript


class Reader:
    """Let a search read a stream, and keep the text.

    Args:
        search (Any): A :class:`~espnet_residuals.streaming.greedy.GreedySearch` or a
            :class:`~espnet_residuals.streaming.prefix_beam.PrefixBeamSearch`.
        begin_text (Callable[[], Transcript]): Makes an empty text.
        nbest (int): How many results are returned at most.
    """

    def __init__(
        self, search: Any, begin_text: Callable[[], Transcript], nbest: int
    ) -> None:
        self._search = search
        self._begin_text = begin_text
        self._nbest = nbest
        self._state = search.default_state()
        self._transcript = begin_text()

    def read(self, log_probs: Tensor) -> None:
        """Read the next frames.

        Args:
            log_probs (Tensor): Log posteriors, (length, tokens).
        """
        tokens, self._state = self._search.forward_chunk(log_probs, self._state)
        self._transcript.add(tokens)

    def results(self, is_final: bool = False) -> list[Result]:
        """Return the text so far.

        Args:
            is_final (bool): Whether the recording has ended.

        Returns:
            list[Result]: The readings, the best first.
        """
        endings = self._search.endings(self._state, is_final)[: self._nbest]
        return [self._transcript.result(ending) for ending in endings]

    def new_segment(self) -> None:
        """Begin a new text in the same stream, as after a pause."""
        self._state = self._search.conclude(self._state)
        self._transcript = self._begin_text()

    @property
    def settled_text(self) -> Optional[str]:
        """The part of the text that later frames only continue."""
        text = self._transcript.text
        # A letter of several bytes, of which not all have been read.
        return None if text is None else text.rstrip("\N{REPLACEMENT CHARACTER}")

    @property
    def pause(self) -> float:
        """Seconds since the last token of the text; 0 before its first."""
        last = self._transcript.last_frame(self._search.endings(self._state)[0])
        waited = 0 if last is None else self._state.n_frames - 1 - last
        return waited / self._transcript.frame_rate


class ReadsStream:
    """What whoever reads one stream offers of its text, by its ``Reader``."""

    _reader: Reader

    @property
    def settled_text(self) -> Optional[str]:
        """The part of the text that later samples only continue."""
        return self._reader.settled_text

    @property
    def pause(self) -> float:
        """Seconds since the last token of the text; 0 before its first."""
        return self._reader.pause

    def new_segment(self) -> None:
        """Begin a new text in the same stream, as after a pause."""
        self._reader.new_segment()
