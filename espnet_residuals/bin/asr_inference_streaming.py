"""Decode as ``espnet2.bin.asr_inference_streaming``, with the encoder ``s4``.

.. code-block:: sh

    python -m espnet_residuals.bin.asr_inference_streaming \
        --asr_train_config exp/asr/config.yaml --asr_model_file exp/asr/valid.ave.pth \
        --data_path_and_name_and_type data/test/wav.scp,speech,sound \
        --sim_chunk_length 2560 --output_dir exp/asr/streaming

Options and output files are ESPnet's. A stream is read by CTC, without a beam unless
``--beam_size`` says otherwise.
"""

import argparse
import inspect
import logging
import sys
from typing import Any, Optional, Sequence

import torch
from espnet2.bin.asr_inference_streaming import get_parser as get_espnet_parser
from espnet2.fileio.datadir_writer import DatadirWriter
from espnet2.legacy.nets.beam_search import Hypothesis
from espnet2.legacy.nets.pytorch_backend.transformer.subsampling import TooShortUttError
from espnet2.legacy.utils.cli_utils import get_commandline_args
from espnet2.tasks.asr import ASRTask
from espnet2.torch_utils.set_all_random_seed import set_all_random_seed
from torch import Tensor

from espnet_residuals.config import ConfigError
from espnet_residuals.inference import Speech2TextStreaming
from espnet_residuals.streaming.transcript import Result

logger = logging.getLogger(__name__)


def get_parser() -> argparse.ArgumentParser:
    """Return ESPnet2's parser, without a beam by default.

    Returns:
        argparse.ArgumentParser: The parser.
    """
    parser: argparse.ArgumentParser = get_espnet_parser()
    parser.set_defaults(beam_size=1)
    return parser


def inference(args: argparse.Namespace) -> None:
    """Decode what the command line names.

    Args:
        args (argparse.Namespace): The command line.

    Raises:
        ConfigError: If an option is not supported, or the model cannot stream.
    """
    _check(args)
    logging.basicConfig(
        level=args.log_level,
        format="%(asctime)s (%(module)s:%(lineno)d) %(levelname)s: %(message)s",
    )
    set_all_random_seed(args.seed)
    accepted = inspect.signature(Speech2TextStreaming).parameters
    options = {name: value for name, value in vars(args).items() if name in accepted}
    device = "cuda" if args.ngpu else "cpu"
    decoder = Speech2TextStreaming(**options, device=device)
    with DatadirWriter(args.output_dir) as writer:
        for (key,), batch in _recordings(args, decoder):
            try:
                results = _decode(decoder, batch["speech"][0], args.sim_chunk_length)
            except TooShortUttError as error:
                logger.warning("%s: %s", key, error)
                results = [Result("", [], [], Hypothesis(torch.tensor([])))]
            _write(writer, key, results)


def _check(args: argparse.Namespace) -> None:
    if args.word_lm_train_config is not None or args.word_lm_file is not None:
        raise ConfigError("word_lm_train_config", "a stream has no language model")
    if args.ngpu > 1:
        raise ConfigError("ngpu", f"must be 0 or 1, got {args.ngpu}")
    if args.sim_chunk_length < 0:
        raise ConfigError(
            "sim_chunk_length", f"must be >= 0, got {args.sim_chunk_length}"
        )


def _recordings(args: argparse.Namespace, decoder: Speech2TextStreaming) -> Any:
    """Return pairs of the keys of a batch and its tensors."""
    train_args = decoder.asr_train_args
    return ASRTask.build_streaming_iterator(
        args.data_path_and_name_and_type,
        dtype=args.dtype,
        batch_size=args.batch_size,
        key_file=args.key_file,
        num_workers=args.num_workers,
        preprocess_fn=ASRTask.build_preprocess_fn(train_args, False),
        collate_fn=ASRTask.build_collate_fn(train_args, False),
        allow_variable_data_keys=args.allow_variable_data_keys,
        inference=True,
    )


def _decode(
    decoder: Speech2TextStreaming, speech: Tensor, chunk_length: int
) -> list[Result]:
    """Read a recording in chunks; 0 is all of it."""
    chunks = speech.split(chunk_length or max(1, len(speech)))
    for chunk in chunks[:-1]:
        decoder(chunk, is_final=False)
    return decoder(chunks[-1], is_final=True)


def _write(writer: Any, key: str, results: list[Result]) -> None:
    for n, (text, tokens, token_ids, hypothesis) in enumerate(results, start=1):
        folder = writer[f"{n}best_recog"]
        folder["token"][key] = " ".join(tokens)
        folder["token_int"][key] = " ".join(map(str, token_ids))
        folder["score"][key] = str(hypothesis.score)
        if text is not None:
            folder["text"][key] = text


def main(cmd: Optional[Sequence[str]] = None) -> None:
    """Decode.

    Args:
        cmd (Optional[Sequence[str]]): The command line; None for that of the process.
    """
    print(get_commandline_args(), file=sys.stderr)
    inference(get_parser().parse_args(cmd))


if __name__ == "__main__":
    main()
