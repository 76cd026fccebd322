"""What the words of a command line stand for."""

import argparse
import math

# No machine has room for more, and torch counts no further.
LARGEST = 2**31 - 1


def positive(text: str) -> int:
    """Return a number from 1.

    Args:
        text (str): The word.

    Returns:
        int: The number.

    Raises:
        argparse.ArgumentTypeError: If it is no such number.
    """
    if not text.isdecimal() or not 1 <= (number := _short(text)) <= LARGEST:
        raise argparse.ArgumentTypeError(
            f"must be an integer from 1 to {LARGEST}, got {text!r}"
        )
    return number


def seed(text: str) -> int:
    """Return the seed of random numbers.

    Args:
        text (str): The word.

    Returns:
        int: The seed, from 0.

    Raises:
        argparse.ArgumentTypeError: If it is no such number.
    """
    if not text.isdecimal() or _short(text) >= 2**63:
        raise argparse.ArgumentTypeError(
            f"must be an integer from 0 to 2^63 - 1, got {text!r}"
        )
    return int(text)


def rate(text: str) -> float:
    """Return a learning rate.

    Args:
        text (str): The word.

    Returns:
        float: The rate, more than 0 and at most 1.

    Raises:
        argparse.ArgumentTypeError: If it is no such number.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(
            f"must be a number more than 0 and at most 1, got {text!r}"
        )
    return number


def names(text: str) -> list[str]:
    """Return the names between commas.

    Args:
        text (str): The word.

    Returns:
        list[str]: The names.

    Raises:
        argparse.ArgumentTypeError: If one is empty.
    """
    listed = [name.strip() for name in text.split(",")]
    if not all(listed):
        raise argparse.ArgumentTypeError(f"must be names with commas, got {text!r}")
    return listed


def _short(text: str) -> int:
    """Return a number; of thousands of digits, which Python refuses, the first."""
    return int(text[:20])
