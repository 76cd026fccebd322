"""The command ``espnet-residuals``: one function for each of its commands."""

import argparse
import sys
from pathlib import Path
from typing import Any, Optional, Sequence

import yaml

from espnet_residuals.probe.failure import MEANINGS, Exit, Failure
from espnet_residuals.probe.output import leave_output, open_output
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

# What shells see of a command that Ctrl-C ended.
INTERRUPTED = 130
# No machine has room for more, and torch counts no further.
LARGEST = 2**31 - 1

LIST = """\
Print names, aliases, formulas, and options with their defaults.

In a YAML, under `encoder_conf`, a function is a name or a mapping with options:

  residual: layerscale
  residual: {_name_: decay, power: 0.5}
"""

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

PROBE = """\
Build the encoder of a training YAML, of ESPnet2 or ESPnet3, and nothing else of it;
run a batch forward and backward; and report for every sublayer

  mean square      of the stream behind the sublayer
  share of branch  mean square of what is new, in the sum of its own and that of what is
                   kept of the input: near 0 the sublayer does nothing
  frames           how much of what changes from frame to frame before the first
                   sublayer is still there behind this one: from 1, all, to 0; what is
                   lost when training starts, an encoder seldom learns
  gain             mean square of what the layer gives, over that of what it gets
  cosine           between what goes in and what comes out, mean of the frames
  grad. stream     norm of the gradient of the stream; at the encoder's output it is 1
  grad. param.     norm of the gradient of the sublayer's parameters

and say in words which sublayers are dead, where the frames are lost, what explodes. No
dropout is used; batch norms use their running statistics. `s4` is measured by sublayer;
transformer, conformer, branchformer and other encoders with a list `encoders` by layer.

  espnet-residuals probe conf/training.yaml
  espnet-residuals probe conf/training.yaml --compare residual,decay --layers 96
  espnet-residuals probe conf/training.yaml a.wav b.wav --checkpoint exp/best.ckpt
"""

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
    if known.run is _probe and not any(word.startswith("-") for word in rest):
        # Recordings behind an option, which argparse leaves over.
        known.audio, rest = [*known.audio, *map(Path, rest)], []
    if rest and known.run is not _show:
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
    listing = _new(
        commands.add_parser,
        LIST,
        name="list",
        help="the residual functions, their formulas and options",
    )
    listing.set_defaults(run=_list)
    _add_show(commands)
    _add_probe(commands)
    _add_history(commands)
    add_transcribe(commands, _new)
    add_export(commands, _new)
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


def _add_show(commands: Any) -> None:
    show = _new(
        commands.add_parser,
        SHOW,
        name="show",
        help="weights and shares of a stack, in closed form",
        usage="%(prog)s NAME [--layers N] [--OPTION VALUE ...] [--plot FILE]",
    )
    show.add_argument("name", metavar="NAME", help="a residual function")
    show.add_argument(
        "--layers", type=_positive, default=24, metavar="N", help="sublayers (24)"
    )
    show.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as PNG")
    show.set_defaults(run=_show)


def _add_probe(commands: Any) -> None:
    probe = _new(
        commands.add_parser,
        PROBE,
        name="probe",
        help="measure the encoder of a training YAML",
    )
    add = probe.add_argument
    add("config", type=Path, metavar="CONFIG.yaml", help="a training YAML")
    add("audio", type=Path, nargs="*", metavar="AUDIO", help="recordings, not noise")
    add(
        "--compare",
        type=_names,
        action="extend",
        default=[],
        metavar="A,B,..",
        help="these residual functions in turn, not the YAML's (s4 only)",
    )
    add("--layers", type=_positive, metavar="N", help="at least so many sublayers")
    add(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="its weights, not the start: .ckpt, .pth or a state_dict",
    )
    add(
        "--input-size",
        type=_positive,
        metavar="N",
        help="features of a frame, if the YAML does not tell",
    )
    add("--batch", type=_positive, default=4, metavar="N", help="noise: sequences (4)")
    add("--frames", type=_positive, default=400, metavar="N", help="of each (400)")
    add("--seed", type=_seed, default=0, metavar="N", help="of weights and noise (0)")
    add("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    add("--plot", type=Path, metavar="FILE", help="draw the numbers, as PNG")
    probe.set_defaults(run=_probe)


def _add_history(commands: Any) -> None:
    history = _new(
        commands.add_parser,
        HISTORY,
        name="history",
        help="what a training logged of every sublayer",
    )
    history.add_argument("folder", type=Path, metavar="EXP_DIR", help="an experiment")
    history.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as PNG")
    history.set_defaults(run=_history)


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= (number := _short(text)) <= LARGEST:
        raise argparse.ArgumentTypeError(
            f"must be an integer from 1 to {LARGEST}, got {text!r}"
        )
    return number


def _short(text: str) -> int:
    """Return a number; of thousands of digits, which Python refuses, the first."""
    return int(text[:20])


def _seed(text: str) -> int:
    if not text.isdecimal() or _short(text) >= 2**63:
        raise argparse.ArgumentTypeError(
            f"must be an integer from 0 to 2^63 - 1, got {text!r}"
        )
    return int(text)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError(f"must be names with commas, got {text!r}")
    return names


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


# The commands import what they need themselves: torch takes seconds, --help does not.


def _list(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    from espnet_residuals.probe.catalogue import catalogue

    print(catalogue())


def _show(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    from espnet_residuals.probe.closed_form import Step, closed_form
    from espnet_residuals.probe.figure import plot_steps
    from espnet_residuals.probe.table import table

    steps = closed_form(arguments.name, arguments.layers, _options(rest))
    head = ("sublayer (0: input)", *Step._fields[1:])
    print(table(head, steps))
    if arguments.plot:
        title = " ".join([arguments.name, *rest])
        plot_steps(arguments.plot, title, steps)


def _probe(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    from espnet_residuals.probe.figure import plot_profiles
    from espnet_residuals.probe.json_file import write_json
    from espnet_residuals.probe.probe import Request, probe
    from espnet_residuals.probe.report import report, title

    asked = {name: getattr(arguments, name) for name in Request._fields}
    result = probe(Request(**asked))
    print(report(result))
    if arguments.json:
        write_json(arguments.json, result.about, result.profiles)
    if arguments.plot:
        plot_profiles(arguments.plot, title(result), result.profiles)


def _history(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    from espnet_residuals.probe.history import read_history
    from espnet_residuals.probe.history_figure import plot_history
    from espnet_residuals.probe.history_report import report, title

    history = read_history(arguments.folder)
    print(report(arguments.folder, history))
    if arguments.plot:
        plot_history(arguments.plot, title(arguments.folder, history), history)
