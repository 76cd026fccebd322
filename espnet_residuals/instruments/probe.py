"""The command ``espnet-residuals probe``: measure the encoder of a training YAML.

From the command to the picture: ``measuring/probing.py`` has the YAML read
(``reading/training_yaml.py``), the encoder built (``reading/encoder.py``) and given a
batch (``reading/features.py``), and every sublayer measured (``measuring/measure.py``,
with ``--lr`` once more behind ``measuring/first_steps.py``);
``showing/report.py`` prints and ``showing/figure.py`` draws the numbers.
"""

import argparse
from pathlib import Path
from typing import Any, Callable, Sequence

from espnet_residuals.instruments.arguments import names, positive, rate, seed

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

With --lr it also takes 30 steps on the batch, in which a map behind the encoder learns
to say blank as CTC does at first, with a rate that rises to 0.4 of that: how much of
the frames is left then tells best what will train.

It says in words which sublayers are dead, where the frames are lost, what explodes. No
dropout is used but in those steps; batch norms use their running statistics. `s4` is
measured by sublayer; transformer, conformer, branchformer and other encoders with a
list `encoders` by layer.

  espnet-residuals probe conf/training.yaml
  espnet-residuals probe conf/training.yaml --compare residual,decay --layers 96
  espnet-residuals probe conf/training.yaml --lr 0.002
  espnet-residuals probe conf/training.yaml a.wav b.wav --checkpoint exp/best.ckpt
"""


def add_probe(commands: Any, new: Callable[..., Any]) -> None:
    """Add the command to the parser.

    Args:
        commands (Any): The parser's commands.
        new (Callable[..., Any]): Makes the parser of one.
    """
    parser = new(
        commands.add_parser,
        PROBE,
        name="probe",
        help="measure the encoder of a training YAML",
    )
    add = parser.add_argument
    add("config", type=Path, metavar="CONFIG.yaml", help="a training YAML")
    add("audio", type=Path, nargs="*", metavar="AUDIO", help="recordings, not noise")
    add(
        "--compare",
        type=names,
        action="extend",
        default=[],
        metavar="A,B,..",
        help="these residual functions in turn, not the YAML's (s4 only)",
    )
    add("--layers", type=positive, metavar="N", help="at least so many sublayers")
    add(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="its weights, not the start: .ckpt, .pth or a state_dict",
    )
    add(
        "--input-size",
        type=positive,
        metavar="N",
        help="features of a frame, if the YAML does not tell",
    )
    add("--batch", type=positive, default=4, metavar="N", help="noise: sequences (4)")
    add("--frames", type=positive, default=400, metavar="N", help="of each (400)")
    add("--seed", type=seed, default=0, metavar="N", help="of weights and noise (0)")
    add("--lr", type=rate, metavar="RATE", help="take first steps at this peak rate")
    add("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    add("--plot", type=Path, metavar="FILE", help="draw the numbers, as PNG")
    parser.set_defaults(run=run_probe)


def run_probe(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Print the report; write the numbers and draw them if asked to.

    Args:
        arguments (argparse.Namespace): The command line.
        rest (Sequence[str]): Not used.

    Raises:
        Failure: If something that the user gave is wrong, or a file cannot be written.
    """
    from espnet_residuals.instruments.measuring.probing import Request, probe
    from espnet_residuals.instruments.showing.figure import plot_profiles
    from espnet_residuals.instruments.showing.report import report, title, write_json

    asked = {name: getattr(arguments, name) for name in Request._fields}
    result = probe(Request(**asked))
    print(report(result))
    if arguments.json:
        write_json(arguments.json, result.about, result.profiles)
    if arguments.plot:
        plot_profiles(arguments.plot, title(result), result.profiles)
