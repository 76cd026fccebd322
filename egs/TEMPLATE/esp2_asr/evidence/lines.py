"""The trained cells, as lines of one file for each study."""

import json
from pathlib import Path
from typing import Any

from evidence.cell import Key

FOLDER = Path(__file__).with_name("cells")

Result = dict[str, Any]


def read(study: str, folder: Path | None = None) -> list[Result]:
    """Return what the cells of a study left; nothing where none was trained."""
    path = (folder or FOLDER) / f"{study}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(study: str, results: list[Result]) -> None:
    """Write the whole file of a study."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{study}.jsonl"
    partial = path.with_suffix(".partial")
    partial.write_text("".join(map(_line, results)), encoding="utf-8")
    partial.replace(path)  # a file that is there is whole


def key_of(result: Result) -> Key:
    """Return the key of the cell that left a line."""
    return result["name"], result.get("fold"), result["seed"]


def _line(result: Result) -> str:
    return json.dumps(result, ensure_ascii=False) + "\n"
