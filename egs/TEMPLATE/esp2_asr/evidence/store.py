"""Which cells of the plan were trained."""

from evidence.cell import Cell
from evidence.lines import Result, key_of, read, write
from evidence.plan import all_cells


def is_trained(cell: Cell) -> bool:
    """Return whether the file of its study has a line of the cell."""
    return any(key_of(result) == cell.key for result in read(cell.study))


def add(study: str, result: Result) -> None:
    """Write a cell into the file of its study, in the order of the plan."""
    results = [*read(study), result]
    order = [cell.key for cell in all_cells() if cell.study == study]
    results.sort(key=lambda result: order.index(key_of(result)))
    write(study, results)
