"""What the measures before training tell of the losses at the end."""

from collections.abc import Mapping, Sequence

from evidence.results import Row
from evidence.start import FIRST_STEPS, MEASURES, rank_correlation


def told_lines(groups: Mapping[str, Sequence[Row]]) -> list[list[str]]:
    """Return how well each measure orders the losses of each group of configurations.

    Returns:
        Lines of a table; no number where a group has fewer than three.
    """
    titles = [f"{name}, {len(rows)} configurations" for name, rows in groups.items()]
    lines = [["before the first step", *titles]]
    for name in (FIRST_STEPS, *MEASURES):
        found = (
            f"{rank_correlation(rows, name):.2f}" if len(rows) > 2 else ""
            for rows in groups.values()
        )
        lines.append([name, *found])
    return lines
