"""Text made word by word is the text that the tokenizer makes of all tokens."""

from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from espnet2.text.char_tokenizer import CharTokenizer
from espnet2.text.phoneme_tokenizer import PhonemeTokenizer
from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer
from espnet2.text.word_tokenizer import WordTokenizer
from hypothesis import given
from hypothesis import strategies as st

from espnet_residuals.streaming.running_text import SPACE, RunningText


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> SentencepiecesTokenizer:
    folder = tmp_path_factory.mktemp("pieces")
    text = folder / "text"
    text.write_text("the cat sat on the mat\nthat hat is here\n" * 10)
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "bpe"),
        vocab_size=40,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return SentencepiecesTokenizer(Path(f"{folder}/bpe.model"))


def running(tokenizer: Any, tokens: list[str], cut: int) -> Any:
    text = RunningText(tokenizer).plus(tokens[:cut])
    return text.plus(tokens[cut:]).text


@given(
    numbers=st.lists(st.integers(0, 100), max_size=12),
    cut=st.integers(0, 12),
)
def test_sentencepiece(
    pieces: SentencepiecesTokenizer, numbers: list[int], cut: int
) -> None:
    pieces.tokens2text([])
    size = pieces.sp.GetPieceSize()
    known = [*map(pieces.sp.IdToPiece, range(size)), "<sos/eos>"]
    assert SPACE in known and "<s>" in known
    tokens = [known[number % len(known)] for number in numbers]
    assert running(pieces, tokens, cut) == pieces.tokens2text(tokens)


@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer(),
        WordTokenizer(),
        WordTokenizer(delimiter="-"),
        PhonemeTokenizer(g2p_type=None),
    ],
    ids=repr,
)
@given(
    tokens=st.lists(st.sampled_from(["a", "b", "<space>", "<unk>"]), max_size=8),
    cut=st.integers(0, 8),
)
def test_other_tokenizers(tokenizer: Any, tokens: list[str], cut: int) -> None:
    assert running(tokenizer, tokens, cut) == tokenizer.tokens2text(tokens)


def test_longer_text_leaves_the_shorter_one_as_it_is() -> None:
    text = RunningText(CharTokenizer()).plus(["a"])
    text.plus(["b"])
    assert text.text == "a"


def test_finished_words_are_made_once() -> None:
    calls = []

    class Counting(CharTokenizer):
        def tokens2text(self, tokens: Any) -> str:
            calls.append(len(tokens))
            return super().tokens2text(tokens)

    text = RunningText(Counting())
    for _ in range(100):
        text = text.plus(["a"])
    assert text.text == "a" * 100 and max(calls) == 1
