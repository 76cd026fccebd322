"""Tables for a terminal."""

from typing import Any, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return rows as columns of text.

    Args:
        head (Sequence[str]): The titles of the columns.
        rows (Sequence[Sequence[Any]]): Texts, whole numbers and numbers.

    Returns:
        str: The table; numbers stand to the right.

    Examples:
        >>> print(table(("name", "beta"), [("decay", 0.70710678), ("D", 1.0)]))
        name     beta
        decay  0.7071
        D           1
    """
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *texts)]
    right = [not isinstance(cell, str) for cell in rows[0]]
    lines = [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(cells, widths, right)
        ).rstrip()
        for cells in [list(head), *texts]
    ]
    return "\n".join(lines)


def _text(cell: Any) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
