"""What a page in Markdown holds: blocks of code, headings, links to files."""

import re
from pathlib import Path
from typing import Any


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(code: str) -> dict[str, Any]:
    """Run a block of Python; return the names that it leaves."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(code, names)
    return names


def broken_links(page: Path) -> list[str]:
    """Return the links to files or headings that do not exist."""
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if not re.match(r"https?:", target)]
    return [target for target in local if not _exists(page, target)]


def _exists(page: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    path = page.parent / name if name else page
    return path.exists() and (not heading or heading in _anchors(path))


def _anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
