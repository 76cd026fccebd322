"""The word error rates of all residual functions, from the cells of the digits."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Sequence

CELLS = Path(__file__).parents[1] / "egs/fsdd/esp2_asr/evidence/cells"
TITLES = ("residual", "rate", "`start: s4`", "`start: direct`", "seeds")
USUAL_RATE, LOW_RATE = "0.012", "0.003"
NOT_TRIED = "not tried"


def scores(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the rows of the table, at the rate of most seeds, or fewest errors.

    Args:
        names (Sequence[str]): The residual functions, in the order of the rows.

    Returns:
        list[tuple[str, ...]]: The cells of every row, as ``TITLES`` names them.
    """
    former, direct = _read("former"), _read("function")
    rows: list[tuple[str, ...]] = []
    for name in names:
        rates = {row.split()[1]: row for row in direct if row.split()[0] == name}
        if not rates:
            rows.append((f"`{name}`", "", NOT_TRIED, NOT_TRIED, "0"))
            continue
        # Seed 1 has both rates, the others the one that suits the function.
        rate = max(rates, key=lambda rate: _weight(direct[rates[rate]]))
        errors = direct[rates[rate]]
        row = (f"`{name}`", rate, _said_of_former(name, rate, former), _said(errors))
        rows.append((*row, str(len(errors))))
    return rows


def _said_of_former(name: str, rate: str, former: dict[str, list[float]]) -> str:
    """Return the errors at this rate, or at a lower one that was tried in its place."""
    usual, low = former[_with_depth(name, former)], former[f"{name} {LOW_RATE}"]
    if rate == USUAL_RATE:
        return _said(usual)
    return _said(low) + (f" (rate {LOW_RATE})" if low and rate != LOW_RATE else "")


def _weight(errors: Sequence[float]) -> tuple[int, float]:
    return len(errors), -mean(errors)


def _with_depth(name: str, former: dict[str, list[float]]) -> str:
    """Return the name of a row of 24 sublayers; the first ones were named by depth."""
    return f"{name} 24" if f"{name} 24" in former else name


def _read(study: str) -> dict[str, list[float]]:
    """Return the errors of every row, in percent of the words of ``test``."""
    errors = defaultdict(list)
    for line in (CELLS / f"{study}.jsonl").read_text(encoding="utf-8").splitlines():
        cell = json.loads(line)
        errors[cell["name"]].append(cell["wer"]["test"])
    return errors


def _said(errors: Sequence[float]) -> str:
    if not errors:
        return NOT_TRIED
    spread = f" ± {stdev(errors):.1f}" if len(errors) > 1 else ""
    return f"{mean(errors):.1f}{spread}"
