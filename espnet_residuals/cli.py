"""The command ``espnet-residuals``: its parser, and the ends that it can come to."""

import argparse
import sys
from pathlib import Path
from typing import Any, Optional, Sequence

from espnet_residuals.instruments.failure import MEANINGS, Exit, Failure
from espnet_residuals.instruments.history import add_history
from espnet_residuals.instruments.list import add_list
from espnet_residuals.instruments.probe import add_probe, run_probe
from espnet_residuals.instruments.show import add_show, run_show
from espnet_residuals.instruments.showing.output import leave_output, open_output
from espnet_residuals.streaming.onnx.command import add_export
from espnet_residuals.streaming.transcribe import add_transcribe

DESCRIPTION = """\
See how signal and gradient travel through the depth of an encoder, before you train it
and while it trains; and read speech with it.

  espnet-residuals list
  espnet-residuals show decay --layers 24 --power 0.5 --plot decay.png
  espnet-residuals probe conf/training.yaml --compare residual,decay --plot depth.png
  espnet-residuals history exp/my_experiment --plot history.png
  espnet-residuals transcribe exp/my_experiment speech.wav
  espnet-residuals export-onnx exp/my_experiment model.onnx
"""

EXIT_CODES = "exit codes:\n  0  done\n" + "".join(
    f"  {code.value}  {meaning}\n" for code, meaning in MEANINGS.items()
)

# Each adds its command to the parser, in the order of `--help`. A command imports what
# it needs when it runs: torch takes seconds, `--help` does not.
COMMANDS = (add_list, add_show, add_probe, add_history, add_transcribe, add_export)

# What shells see of a command that Ctrl-C ended.
INTERRUPTED = 130


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command.

    Args:
        arguments (Optional[Sequence[str]]): The command line; None for that of the
            process.

    Returns:
        int: The exit code.
    """
    parser = _parser()
    known, rest = parser.parse_known_args(arguments)
    if known.run is run_probe and not any(word.startswith("-") for word in rest):
        # Recordings behind an option, which argparse leaves over.
        known.audio, rest = [*known.audio, *map(Path, rest)], []
    if rest and known.run is not run_show:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _run(known, rest)
    except KeyboardInterrupt:
        print("espnet-residuals: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(known: argparse.Namespace, rest: Sequence[str]) -> int:
    """Run a command; tell in one line why it cannot go on."""
    try:
        open_output()
        known.run(known, rest)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough, as with `| head`.
        leave_output()
    except Failure as failure:
        print(f"espnet-residuals: {failure}", file=sys.stderr)
        return failure.code.value
    except OSError as error:
        # Files are told of where they are read and written; this is what was printed.
        leave_output()
        reason = error.strerror or error
        print(f"espnet-residuals: cannot write the output: {reason}", file=sys.stderr)
        return Exit.FILE.value
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate" not in str(error):
            raise
        print(
            "espnet-residuals: not enough memory; ask for fewer --frames, --batch or "
            "--layers, or a smaller --input-size",
            file=sys.stderr,
        )
        return Exit.USAGE.value
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _new(argparse.ArgumentParser, DESCRIPTION, prog="espnet-residuals")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands, _new)
    return parser


def _new(make: Any, description: str, **settings: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = make(
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **settings,
    )
    return parser
