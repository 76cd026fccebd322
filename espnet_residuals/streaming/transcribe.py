"""The command ``espnet-residuals transcribe``."""

import argparse
import logging
import math
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, Optional, Sequence

from espnet_residuals.instruments.failure import Exit, Failure

TRANSCRIBE = """\
Print the words of a recording as they are read. The encoder must be one that streams;
the text is that of the whole recording.

  MODEL  the folder of an experiment, with config.yaml in it; a model that ESPnet2 or
         ESPnet3 packed; or a tag of espnet_model_zoo
  AUDIO  an audio file, or - for raw samples on standard input: one channel, signed, 16
         bits, little-endian, as many a second as the model was trained with

  espnet-residuals transcribe exp/asr call.wav
  arecord -q -t raw -f S16_LE -r 16000 | espnet-residuals transcribe exp/asr -

Ctrl-C ends what comes from standard input: the last words are printed.
"""


def add_transcribe(commands: Any, new: Callable[..., Any]) -> None:
    """Add the command to the parser.

    Args:
        commands (Any): The parser's commands.
        new (Callable[..., Any]): Makes the parser of one.
    """
    parser = new(
        commands.add_parser,
        TRANSCRIBE,
        name="transcribe",
        help="print the words of a recording as they come",
    )
    add = parser.add_argument
    add("model", metavar="MODEL", help="folder, packed model or tag")
    add("audio", metavar="AUDIO", help="an audio file, or - for standard input")
    add("--weights", metavar="NAME", help="which file of parameters in the folder")
    add(
        "--beam",
        type=int,
        default=1,
        metavar="N",
        help="texts that are kept (1: the likeliest token of each frame)",
    )
    add(
        "--pause",
        type=_seconds,
        metavar="SECONDS",
        help="begin a new line when nothing is read for so long",
    )
    parser.set_defaults(run=transcribe)


def transcribe(arguments: argparse.Namespace, rest: Sequence[str]) -> None:
    """Print the words.

    Args:
        arguments (argparse.Namespace): The command line.
        rest (Sequence[str]): Not used.

    Raises:
        Failure: If the model or the recording cannot be read.
    """
    # What ESPnet remarks when it is imported and builds a model.
    logging.disable(logging.WARNING)
    # It loads torch and ESPnet, which --help does without.
    from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import (
        TooShortUttError,
    )

    from espnet_residuals.streaming.live_audio import file_pieces, pipe_pieces

    decoder = _load(arguments)
    rate = decoder.acoustic_model.sampling_rate
    if arguments.audio == "-":
        pieces = pipe_pieces(sys.stdin.buffer, rate)
    else:
        pieces = file_pieces(Path(arguments.audio), rate)
    line = Line()
    try:
        _read(decoder, pieces, line, arguments.pause)
    except KeyboardInterrupt:
        if arguments.audio != "-":
            raise
    try:
        (best,) = decoder([], is_final=True)
    except TooShortUttError as error:
        raise Failure(Exit.USAGE, f"nothing can be read: {error}") from error
    line.end(best.text)


def _read(
    decoder: Any, pieces: Iterable[Any], line: "Line", pause: Optional[float]
) -> None:
    for piece in pieces:
        (best,) = decoder(piece, is_final=False)
        if pause is not None and decoder.pause >= pause:
            line.end(best.text)
            decoder.new_segment()
        else:
            line.extend(decoder.settled_text)


class Line:
    """A line of text that grows on the screen."""

    def __init__(self) -> None:
        self._printed = ""

    def extend(self, text: str) -> None:
        """Print what is new.

        Args:
            text (str): All of the line so far.
        """
        print(text[len(self._printed) :], end="", flush=True)
        self._printed = text

    def end(self, text: str) -> None:
        """Print the rest; the next text begins on a new line.

        Args:
            text (str): All of the line.
        """
        self.extend(text)
        print(flush=True)
        self._printed = ""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number > 0, got {text!r}")
    return seconds


def _load(arguments: argparse.Namespace) -> Any:
    from espnet_residuals.config import ConfigError
    from espnet_residuals.inference import Speech2TextStreaming

    options = {"asr_model_file": arguments.weights} if arguments.weights else {}
    try:
        decoder = Speech2TextStreaming.from_pretrained(
            arguments.model, beam_size=arguments.beam, **options
        )
    except ConfigError as error:
        raise Failure(Exit.MODEL, f"{arguments.model}: {error}") from error
    except Exception as error:  # of ESPnet, espnet_model_zoo, torch
        reason = f"{type(error).__name__}: {error}"
        if not Path(arguments.model).exists():
            reason = f"there is no such file or folder; as a published tag, {reason}"
        raise Failure(
            Exit.MODEL, f"cannot load the model {arguments.model}: {reason}"
        ) from error
    if decoder.tokenizer is None:
        raise Failure(
            Exit.MODEL, f"{arguments.model}: config.yaml does not say how to make text"
        )
    return decoder
