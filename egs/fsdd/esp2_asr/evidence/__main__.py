"""Train the cells that are missing, or show what all have left."""

import argparse
import sys

from evidence.costs import measure_costs
from evidence.course import watch
from evidence.figures import draw_all
from evidence.schedule import missing, run_missing
from evidence.tables import RESULTS, fill


def main() -> int:
    """Run one command; return 1 if a check fails."""
    parser = argparse.ArgumentParser(prog="python -m evidence", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train and score missing cells")
    run.add_argument("--minutes", type=float, required=True, help="time for all")
    run.add_argument(
        "--match", default="", help="only cells whose title has this in it"
    )
    course = commands.add_parser("course", help="watch the first steps of some cells")
    course.add_argument(
        "--match", default="", help="only cells whose title has this in it"
    )
    commands.add_parser("list", help="print the missing cells")
    commands.add_parser("costs", help="measure the encoders' time and memory")
    report = commands.add_parser("report", help="make tables and figures anew")
    report.add_argument(
        "--check", action="store_true", help="only compare the tables with RESULTS.md"
    )
    arguments = parser.parse_args()
    try:
        return _run(arguments)
    except FileNotFoundError as error:  # strings that have not been made
        parser.exit(1, f"evidence: {error}\n")


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "run":
        run_missing(arguments.minutes, arguments.match)
    elif arguments.command == "course":
        watch(arguments.match)
    elif arguments.command == "list":
        print(*(cell.title for cell in missing()), sep="\n")
    elif arguments.command == "costs":
        measure_costs()
    else:
        return _report(arguments.check)
    return 0


def _report(check: bool) -> int:
    text = RESULTS.read_text(encoding="utf-8")
    made = fill(text)
    if check:
        if made != text:
            print(
                "RESULTS.md is not what the cells say; run: python -m evidence report"
            )
        return int(made != text)
    RESULTS.write_text(made, encoding="utf-8")
    draw_all(RESULTS.parent / "images")
    return 0


if __name__ == "__main__":
    sys.exit(main())
