"""Train the cells that are missing, or show what all have left."""

import sys

from evidence.command import run_command
from evidence.course import watch


def main() -> int:
    """Run one command; return 1 if a check fails."""
    return run_command({"course": (watch, "watch the first steps of some cells")})


if __name__ == "__main__":
    sys.exit(main())
