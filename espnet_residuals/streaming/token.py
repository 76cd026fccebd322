"""What a search finds in a stream."""

from typing import NamedTuple


class Token(NamedTuple):
    """A token that was read.

    Attributes:
        number (int): Which token.
        frame (int): The encoder's frame in which it was first seen, from 0.
    """

    number: int
    frame: int


class Ending(NamedTuple):
    """One way to go on from the tokens that are settled.

    Attributes:
        tokens (tuple[Token, ...]): Tokens behind the settled ones.
        score (float): Log probability of all tokens so far.
    """

    tokens: tuple[Token, ...]
    score: float
