"""RESULTS.md: text, and between marks tables that are made of the cells."""

import re
from collections.abc import Callable
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "RESULTS.md"


def fill(text: str, make_table: Callable[[str], str]) -> str:
    """Return the text of RESULTS.md with every table made anew.

    Args:
        text: The text; a table stands between ``<!-- name -->`` and ``<!-- end -->``.
        make_table: What makes the table of a name.
    """

    def table(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- {name} -->\n\n{make_table(name)}\n\n<!-- end -->"

    return re.sub(
        r"<!-- (?P<name>\w+) -->\n.*?<!-- end -->", table, text, flags=re.DOTALL
    )


def markdown(lines: list[list[str]]) -> str:
    """Return a table; its first line holds the titles."""
    return "\n".join(
        "| " + " | ".join(line) + " |"
        for line in (lines[0], ["---"] * len(lines[0]), *lines[1:])
    )
