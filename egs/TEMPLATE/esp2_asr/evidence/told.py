"""What the measures before training tell of the losses at the end."""

from collections.abc import Mapping, Sequence

from evidence.results import Row
from evidence.start import FIRST_STEPS, FRAMES, MEASURES, rank_correlation


def told_lines(groups: Mapping[str, Sequence[Row]]) -> list[list[str]]:
    """Return how well each measure orders the losses of each group of configurations.

    Returns:
        Lines of a table; no number where a group has fewer than three.
    """
    titles = [f"{name}, {len(rows)} configurations" for name, rows in groups.items()]
    lines = [["before the first step", *titles]]
    measures: dict[str, tuple[str, ...]] = {
        FRAMES: (FRAMES,),
        FIRST_STEPS: (FIRST_STEPS,),
        "the product of both": (FRAMES, FIRST_STEPS),
        **{name: (name,) for name in MEASURES},
    }
    for title, names in measures.items():
        found = (
            f"{rank_correlation(rows, *names):.2f}" if len(rows) > 2 else ""
            for rows in groups.values()
        )
        lines.append([title, *found])
    return lines
