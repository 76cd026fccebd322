"""The command ``espnet-residuals history``: what a training logged of its sublayers."""

import argparse
from pathlib import Path
from typing import Any, Callable, Sequence

HISTORY = """\
Read the event files of an experiment, whatever folder in it they are in, and print what
was measured of every sublayer first and last, and when and where it was no finite
number. With --plot FILE: maps of the stream's mean square, the share of the branch and
the gradient norm over sublayers and steps; what is not finite is red. A step is one of
the optimizer in ESPnet3, a batch in ESPnet2.

The numbers are there if the training logged them: in ESPnet3 with the callback

  trainer:
    callbacks:
      - _target_: espnet_residuals.callbacks.LayerStats

in ESPnet2 with `python -m espnet_residuals.bin.asr_train` in the place of
`python -m espnet2.bin.asr_train`.

  espnet-residuals history exp/my_experiment --plot history.png
"""


def add_history(commands: Any, new: Callable[..., Any]) -> None:
    """Add the command to the parser.

    Args:
        commands (Any): The parser's commands.
        new (Callable[..., Any]): Makes the parser of one.
    """
    parser = new(
        commands.add_parser,
        HISTORY,
        name="history",
        help="what a training logged of every sublayer",
    )
    parser.add_argument("folder", type=Path, metavar="EXP_DIR", help="an experiment")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as PNG")
    parser.set_defaults(run=run_history)


def run_history(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Print the report, and draw the history if asked to.

    Args:
        arguments (argparse.Namespace): The command line.
        rest (Sequence[str]): Not used.

    Raises:
        Failure: If the folder holds no statistics, or the picture cannot be written.
    """
    from espnet_residuals.instruments.following.event_files import read_history
    from espnet_residuals.instruments.following.history_report import (
        plot_history,
        report,
        title,
    )

    history = read_history(arguments.folder)
    print(report(arguments.folder, history))
    if arguments.plot:
        plot_history(arguments.plot, title(arguments.folder, history), history)
