"""Write what was measured as JSON."""

import json
import math
from pathlib import Path
from typing import Any, Mapping, Sequence

from espnet_residuals.probe.findings import findings
from espnet_residuals.probe.profile import Profile
from espnet_residuals.probe.whole_file import whole_file


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
                "findings": findings(profile.readings),
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
