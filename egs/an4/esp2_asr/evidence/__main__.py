"""Train the cells that are missing, or show what all have left."""

import sys

from evidence.command import run_command
from evidence.long_recordings import measure_lengths


def main() -> int:
    """Run one command; return 1 if a check fails."""
    return run_command(
        {"lengths": (measure_lengths, "measure time and memory of long recordings")}
    )


if __name__ == "__main__":
    sys.exit(main())
