"""The report on a probe: as text for a terminal, and as JSON for a program."""

import json
import math
from pathlib import Path
from typing import Any, Mapping, Sequence

from espnet_residuals.instruments.measuring.probing import Result
from espnet_residuals.instruments.measuring.profile import Profile
from espnet_residuals.instruments.showing.findings import findings
from espnet_residuals.instruments.showing.output import whole_file
from espnet_residuals.instruments.showing.table import table

HEAD = (
    "sublayer",
    "layer",
    "mean square",
    "share of branch",
    "frames",
    "gain",
    "cosine",
    "grad. stream",
    "grad. param.",
)


def title(result: Result) -> str:
    """Return in one line what was probed.

    Args:
        result (Result): The result.

    Returns:
        str: The line.
    """
    about = result.about
    return (
        f"{about['config']}: {about['encoder']}, {about['sublayers']} sublayers, "
        f"weights: {about['weights']}, {about['features']}"
    )


def report(result: Result) -> str:
    """Return what was probed, the table, and what it means.

    Args:
        result (Result): The result.

    Returns:
        str: The report.
    """
    about = result.about
    lines = [title(result)]
    if about["asked_for"] is not None:
        lines.append(
            f"--layers {about['asked_for']}: num_blocks: {about['num_blocks']}, the "
            "fewest whole blocks with so many sublayers"
        )
    lines += ["", profile_table(result.profiles), ""]
    for profile in result.profiles:
        said = findings(profile.readings, profile.after_first_steps)
        lines += [f"{profile.name}: {sentence}" for sentence in said]
    return "\n".join(lines)


def profile_table(profiles: Sequence[Profile]) -> str:
    """Return the readings of one or more encoders as one table.

    Args:
        profiles (Sequence[Profile]): The profiles; more than one are told apart by a
            first column.

    Returns:
        str: The table.
    """
    rows = [
        [profile.name, *reading] for profile in profiles for reading in profile.readings
    ]
    if len(profiles) == 1:
        return table(HEAD, [row[1:] for row in rows])
    return table(("residual", *HEAD), rows)


def write_json(
    path: Path, about: Mapping[str, Any], profiles: Sequence[Profile]
) -> None:
    """Write the profiles; numbers that are not finite become null.

    Args:
        path (Path): The file.
        about (Mapping[str, Any]): What was probed.
        profiles (Sequence[Profile]): The profiles.

    Raises:
        Failure: If the file cannot be written.
    """
    content = {
        **about,
        "profiles": [
            {
                "name": profile.name,
                "parameters": profile.parameters,
                "frames_after_first_steps": _finite(profile.after_first_steps),
                "findings": findings(profile.readings, profile.after_first_steps),
                "sublayers": [
                    {name: _finite(v) for name, v in reading._asdict().items()}
                    for reading in profile.readings
                ],
            }
            for profile in profiles
        ],
    }
    with whole_file(path) as scratch:
        scratch.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
