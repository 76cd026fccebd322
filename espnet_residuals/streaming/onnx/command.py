"""The command ``espnet-residuals export-onnx``."""

import argparse
import logging
import warnings
from pathlib import Path
from typing import Any, Callable, Optional, Sequence

from espnet_residuals.instruments.failure import Exit, Failure

EXPORT = """\
Write the encoder and the CTC of a model that streams as one ONNX graph of fixed shapes,
which is called once for every chunk of features and needs neither torch nor ESPnet. It
gives the frames of the whole recording. What a program must know is in the file's
metadata; egs/streaming_onnx has such a program. It needs `pip install '.[onnx]'`.

  MODEL  the folder of an experiment, with config.yaml in it, or a model that ESPnet3
         packed

  espnet-residuals export-onnx exp/asr asr.onnx --chunk 32
"""


def add_export(commands: Any, new: Callable[..., Any]) -> None:
    """Add the command to the parser.

    Args:
        commands (Any): The parser's commands.
        new (Callable[..., Any]): Makes the parser of one.
    """
    parser = new(
        commands.add_parser,
        EXPORT,
        name="export-onnx",
        help="write a model that streams as an ONNX file",
    )
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL", help="folder or packed model")
    add("path", type=Path, metavar="OUT.onnx", help="the file to write")
    add(
        "--chunk",
        type=int,
        metavar="N",
        help="features of a call, a multiple of the subsampling (16, or the next)",
    )
    add("--weights", metavar="NAME", help="which file of parameters in the folder")
    parser.set_defaults(run=export)


def export(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Write the file.

    Args:
        arguments (argparse.Namespace): The command line.
        rest (Sequence[str]): Not used.

    Raises:
        Failure: If the model cannot be read or exported, or the file not be written.
    """
    # What ESPnet and the exporter remark.
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    from espnet_residuals.config import ConfigError

    try:
        _write(arguments.model, arguments.weights, arguments.path, arguments.chunk)
    except ConfigError as error:
        raise Failure(Exit.MODEL, f"{arguments.model}: {error}") from error
    except ModuleNotFoundError as error:
        raise Failure(
            Exit.USAGE, f"{error}; install what is missing: pip install '.[onnx]'"
        ) from error
    except OSError as error:
        raise Failure(Exit.FILE, f"cannot write {arguments.path}: {error}") from error


def _write(
    folder: Path, weights: Optional[str], path: Path, chunk: Optional[int]
) -> None:
    from espnet_residuals.streaming.model_folder import build_from_folder
    from espnet_residuals.streaming.onnx.export import export_streaming

    model, _ = build_from_folder(folder, weights)
    export_streaming(model.eval(), path, chunk)
