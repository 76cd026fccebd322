"""Take the measurements and write the table and the figure."""

import argparse
import logging
from pathlib import Path
from typing import Sequence

from benchmarks.clock import Clock, threads
from benchmarks.machine import available_cores, describe_machine
from benchmarks.measurement import Measurement
from benchmarks.measurements import FULL, QUICK
from benchmarks.report import write_report
from benchmarks.result import Result, Row, load_results

HERE = Path(__file__).parent


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=FULL,
        default=list(FULL),
        metavar="NAME",
        help=f"measurements to take: {', '.join(FULL)}",
    )
    parser.add_argument(
        "--threads",
        nargs="+",
        type=int,
        default=sorted({1, available_cores()}),
        help="numbers of threads to measure with (default: one, and all)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, to see that it runs"
    )
    parser.add_argument(
        "--report",
        action="store_true",
        help="measure nothing; make the table and the figure of the JSON files anew",
    )
    parser.add_argument(
        "--out", type=Path, default=HERE / "results", help="folder of the results"
    )
    parser.add_argument(
        "--readme",
        type=Path,
        default=HERE / "README.md",
        help="where the table goes, between two comments (default: the README here)",
    )
    args = parser.parse_args(argv)
    logging.disable(logging.WARNING)  # ESPnet's, of kernels that are not installed
    if not args.report:
        clock = Clock(seconds=0.1, fewest=1) if args.quick else Clock()
        for name in args.only:
            measurement = (QUICK if args.quick else FULL)[name]
            rows = take(measurement, clock, args.threads)
            Result(name, describe_machine(), rows).save(args.out)
    print(write_report(load_results(args.out, list(FULL)), args.out, args.readme))


def take(measurement: Measurement, clock: Clock, counts: Sequence[int]) -> list[Row]:
    """Take one measurement with each number of threads, and say each row."""
    rows: list[Row] = []
    for count in counts:
        with threads(count):
            for row in measurement.times(clock):
                print(
                    f"{row.what} {row.case} {row.threads} threads: {row.figure():.3g}"
                )
                rows.append(row)
    with threads(1):
        rows.extend(measurement.once(clock))
    return rows


if __name__ == "__main__":
    main()
