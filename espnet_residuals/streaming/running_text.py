"""The text of tokens that come one by one."""

from typing import Any, Optional, Sequence

from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer
from espnet2.text.word_tokenizer import WordTokenizer

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # SentencePiece's


class RunningText:
    """Text of the tokens so far, at a cost that does not grow with them.

    Tokens of finished words become text once; only the last word is made anew. For a
    tokenizer whose words cannot be told, all tokens count as one word.

    Args:
        tokenizer (Optional[AbsTokenizer]): Makes text of tokens; None: there is none.

    Examples:
        >>> text = RunningText(CharTokenizer())
        >>> text = text.plus(["G", "O", "<space>"])
        >>> text.plus(["I", "N"]).text, text.text
        ('GO IN', 'GO ')
    """

    def __init__(self, tokenizer: Optional[AbsTokenizer]) -> None:
        self._tokenizer: Any = tokenizer
        self._finished = ""
        self._word: list[str] = []
        self._has_words = False

    def plus(self, tokens: Sequence[str]) -> "RunningText":
        """Return the text with more tokens; this one stays as it is.

        Args:
            tokens (Sequence[str]): Tokens that follow.

        Returns:
            RunningText: The longer text.
        """
        longer = RunningText(self._tokenizer)
        longer._finished, longer._has_words = self._finished, self._has_words
        longer._word = list(self._word)
        for token in tokens:
            if longer._word and self._begins_word(token):
                longer._finished, longer._word = longer.text or "", []
                longer._has_words = True
            longer._word.append(token)
        return longer

    @property
    def text(self) -> Optional[str]:
        """The text; None without a tokenizer."""
        if self._tokenizer is None:
            return None
        word: str = self._tokenizer.tokens2text(self._word)
        if not self._has_words:
            return word
        return self._finished + self._gap() + word

    def _begins_word(self, token: str) -> bool:
        if isinstance(self._tokenizer, SentencepiecesTokenizer):
            return token.startswith(SPACE)
        return isinstance(self._tokenizer, (CharTokenizer, WordTokenizer))

    def _gap(self) -> str:
        if isinstance(self._tokenizer, SentencepiecesTokenizer):
            # It drops spaces before the first letter.
            return " " if self._finished else ""
        if isinstance(self._tokenizer, WordTokenizer):
            delimiter = self._tokenizer.delimiter
            return " " if delimiter is None else delimiter
        return ""
