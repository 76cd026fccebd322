"""The command ``espnet-residuals list``: the residual functions of this package."""

import argparse
from typing import Any, Callable, Sequence

LIST = """\
Print names, aliases, formulas, and options with their defaults.

In a YAML, under `encoder_conf`, a function is a name or a mapping with options:

  residual: layerscale
  residual: {_name_: decay, power: 0.5}
"""


def add_list(commands: Any, new: Callable[..., Any]) -> None:
    """Add the command to the parser.

    Args:
        commands (Any): The parser's commands.
        new (Callable[..., Any]): Makes the parser of one.
    """
    parser = new(
        commands.add_parser,
        LIST,
        name="list",
        help="the residual functions, their formulas and options",
    )
    parser.set_defaults(run=run_list)


def run_list(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Print the table.

    Args:
        arguments (argparse.Namespace): The command line.
        rest (Sequence[str]): Not used.
    """
    from espnet_residuals.instruments.showing.catalogue import catalogue

    print(catalogue())
