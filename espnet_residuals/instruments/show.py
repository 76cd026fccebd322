"""The command ``espnet-residuals show``: the weights of a stack, in closed form."""

import argparse
from pathlib import Path
from typing import Any, Callable, Sequence

import yaml

from espnet_residuals.instruments.arguments import positive
from espnet_residuals.instruments.failure import Exit, Failure

SHOW = """\
Print of every sublayer, in closed form

  alpha, beta  the weights of its input x and of its branch y
  weight       that of its branch in the output of the whole stack
  share        that of its branch in the variance of the output, if the input and all
               branches are independent and of equal variance

For functions of constant weights: residual, decay, decay_schedule, depth_scaled,
deepnorm and feedforward. `espnet-residuals list` prints the options of each.

  espnet-residuals show decay --layers 24 --power 0.5
  espnet-residuals show decay --layers 24 --l2 false --offset 1 --plot decay.png
"""


def add_show(commands: Any, new: Callable[..., Any]) -> None:
    """Add the command to the parser.

    Args:
        commands (Any): The parser's commands.
        new (Callable[..., Any]): Makes the parser of one.
    """
    parser = new(
        commands.add_parser,
        SHOW,
        name="show",
        help="weights and shares of a stack, in closed form",
        usage="%(prog)s NAME [--layers N] [--OPTION VALUE ...] [--plot FILE]",
    )
    parser.add_argument("name", metavar="NAME", help="a residual function")
    parser.add_argument(
        "--layers", type=positive, default=24, metavar="N", help="sublayers (24)"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as PNG")
    parser.set_defaults(run=run_show)


def run_show(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Print the weights of every sublayer, and draw them if asked to.

    Args:
        arguments (argparse.Namespace): The command line.
        rest (Sequence[str]): Options of the residual function, ``--NAME VALUE``.

    Raises:
        Failure: If the name or an option is wrong, or the picture cannot be written.
    """
    from espnet_residuals.instruments.measuring.closed_form import Step, closed_form
    from espnet_residuals.instruments.showing.figure import plot_steps
    from espnet_residuals.instruments.showing.table import table

    steps = closed_form(arguments.name, arguments.layers, _options(rest))
    head = ("sublayer (0: input)", *Step._fields[1:])
    print(table(head, steps))
    if arguments.plot:
        title = " ".join([arguments.name, *rest])
        plot_steps(arguments.plot, title, steps)


def _options(rest: Sequence[str]) -> dict[str, Any]:
    """Return ``--power 0.5`` and ``--l2=false`` as the options that they stand for."""
    words = [part for word in rest for part in word.split("=", 1)]
    names, values = words[::2], words[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        raise Failure(
            Exit.USAGE, f"options are --NAME VALUE pairs, got {' '.join(rest)}"
        )
    return {
        name.removeprefix("--"): _value(name, value)
        for name, value in zip(names, values)
    }


def _value(name: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (RecursionError, ValueError, yaml.YAMLError) as error:
        said = text if len(text) <= 100 else f"{text[:100]}..."
        raise Failure(Exit.USAGE, f"{name}: {said!r} is no YAML value") from error
