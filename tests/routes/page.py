"""The commands that docs/routes.md shows, by the heading above them."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "routes.md"


def headings(language: str) -> list[str]:
    """Return the headings that have a block of a language below them."""
    return list(_blocks(language))


def block(heading: str, language: str = "sh") -> str:
    """Return the blocks of a language below a heading, as one text."""
    return "".join(_blocks(language)[heading])


def _blocks(language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    for section in re.split(r"^#+ ", PAGE.read_text(encoding="utf-8"), flags=re.M):
        heading, _, text = section.partition("\n")
        if blocks := fence.findall(text):
            found[heading] = blocks
    return found
