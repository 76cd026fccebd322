"""Train the cells that are missing, or show what all have left."""

import argparse
from collections.abc import Callable, Mapping

from evidence.costs import measure_costs
from evidence.figures import draw_all
from evidence.page import RESULTS, fill
from evidence.schedule import UnknownTitle, missing, run_missing
from evidence.tables import make_table

# What a command does with what titles must have in them, and how --help says it.
Measurement = tuple[Callable[[str], None], str]


def run_command(measurements: Mapping[str, Measurement]) -> int:
    """Run the command that the arguments name; return 1 if a check fails.

    Args:
        measurements: The commands that a recipe has beside those of all.
    """
    parser = _parser(measurements)
    arguments = parser.parse_args()
    try:
        if arguments.command == "run":
            run_missing(arguments.minutes, arguments.match)
        elif arguments.command == "list":
            print(*(cell.title for cell in missing()), sep="\n")
        elif arguments.command == "costs":
            measure_costs()
        elif arguments.command == "report":
            return _report(arguments.check)
        else:
            measure, _ = measurements[arguments.command]
            measure(arguments.match)
    except FileNotFoundError as error:  # data that has not been made
        parser.exit(1, f"evidence: {error}\n")
    except UnknownTitle as error:
        parser.error(f"argument --match: {error}")
    return 0


def _parser(measurements: Mapping[str, Measurement]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evidence", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train and score missing cells")
    run.add_argument("--minutes", type=float, required=True, help="time for all")
    run.add_argument("--match", default="", help="only cells with this in their title")
    for name, (_, explanation) in measurements.items():
        measure = commands.add_parser(name, help=explanation)
        measure.add_argument("--match", default="", help="only titles with this in it")
    commands.add_parser("list", help="print the missing cells")
    commands.add_parser("costs", help="measure the encoders' time and memory")
    report = commands.add_parser("report", help="make tables and figures anew")
    report.add_argument(
        "--check", action="store_true", help="only compare the tables with RESULTS.md"
    )
    return parser


def _report(check: bool) -> int:
    text = RESULTS.read_text(encoding="utf-8")
    made = fill(text, make_table)
    if check:
        if made != text:
            print(
                "RESULTS.md is not what the cells say; run: python -m evidence report"
            )
        return int(made != text)
    RESULTS.write_text(made, encoding="utf-8")
    draw_all(RESULTS.parent / "images")
    return 0
