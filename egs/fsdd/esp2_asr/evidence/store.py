"""The trained cells, as lines of one file for each study."""

import json
from pathlib import Path
from typing import Any

from evidence.plan import Cell, all_cells

FOLDER = Path(__file__).with_name("cells")

Result = dict[str, Any]


def read(study: str, folder: Path | None = None) -> list[Result]:
    """Return what the cells of a study left; nothing where none was trained."""
    path = (folder or FOLDER) / f"{study}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def is_trained(cell: Cell) -> bool:
    """Return whether the file of its study has a line of the cell."""
    return any(
        (result["name"], result["seed"]) == (cell.name, cell.seed)
        for result in read(cell.study)
    )


def add(study: str, result: Result) -> None:
    """Write a cell into the file of its study, in the order of the plan."""
    results = [*read(study), result]
    order = [(cell.name, cell.seed) for cell in all_cells() if cell.study == study]
    results.sort(key=lambda result: order.index((result["name"], result["seed"])))
    write(study, results)


def write(study: str, results: list[Result]) -> None:
    """Write the whole file of a study."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{study}.jsonl"
    partial = path.with_suffix(".partial")
    partial.write_text("".join(map(_line, results)), encoding="utf-8")
    partial.replace(path)  # a file that is there is whole


def _line(result: Result) -> str:
    return json.dumps(result, ensure_ascii=False) + "\n"
