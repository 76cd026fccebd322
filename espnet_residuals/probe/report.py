"""The report on a probe, for a terminal."""

from espnet_residuals.probe.findings import findings
from espnet_residuals.probe.probe import Result
from espnet_residuals.probe.table import profile_table


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
        lines += [f"{profile.name}: {said}" for said in findings(profile.readings)]
    return "\n".join(lines)
