"""ESPnet's ``Speech2TextStreaming``, for the encoder ``s4``."""

import logging
from pathlib import Path
from typing import Any, Optional, Union

import numpy as np
import torch
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask
from espnet2.text.abs_tokenizer import AbsTokenizer
from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.utils.pretrained import download_pretrained
from torch import Tensor

from espnet_residuals.config import ConfigError, check_choice, check_integer
from espnet_residuals.streaming.acoustic_model import StreamingAcousticModel
from espnet_residuals.streaming.greedy import GreedySearch
from espnet_residuals.streaming.model_folder import build_from_folder
from espnet_residuals.streaming.prefix_beam import PrefixBeamSearch
from espnet_residuals.streaming.reader import Reader, ReadsStream
from espnet_residuals.streaming.token_lm import TokenLM
from espnet_residuals.streaming.transcript import Result, Transcript

logger = logging.getLogger(__name__)

# Samples that are computed at once, whatever comes: memory stays the same.
LONGEST_PIECE = 160_000
DTYPES = ("float16", "bfloat16", "float32", "float64")
# What only a search with an attention decoder needs, with ESPnet's defaults.
WITHOUT_EFFECT = {
    "maxlenratio": 0.0,
    "minlenratio": 0.0,
    "ctc_weight": 0.5,
    "normalize_length": False,
    "disable_repetition_detection": False,
    "decoder_text_length_limit": 0,
    "encoded_feat_length_limit": 0,
}


class Speech2TextStreaming(ReadsStream):
    """Read words from samples that arrive in pieces of any size.

    Used as ESPnet's class of this name. A stream is read by CTC, also where the model
    has an attention decoder. The tokens after the last piece are those of the whole
    recording, however it is cut. Time and memory of a piece do not depend on what has
    been; only the text grows, until :meth:`new_segment` or the end.

    Args:
        asr_train_config (Union[Path, str, None]): The model's ``config.yaml``; None
            takes the one beside ``asr_model_file``.
        asr_model_file (Union[Path, str, None]): Its parameters.
        lm_train_config (Union[Path, str, None]): ``config.yaml`` of a language model
            over the same tokens, ``lm: seq_rnn``; it needs a beam.
        lm_file (Union[Path, str, None]): Its parameters.
        token_type (Optional[str]): How tokens are made of text; None: as in training.
        bpemodel (Optional[str]): SentencePiece's model; None: as in training.
        device (str): Where to compute.
        maxlenratio (float): No effect, as the other options of a decoder.
        minlenratio (float): No effect.
        batch_size (int): 1.
        dtype (str): Dtype to compute in.
        beam_size (int): 1: the likeliest token of each frame; more: a prefix search,
            which sums the alignments of so many texts.
        ctc_weight (float): No effect.
        lm_weight (float): Weight of the language model.
        penalty (float): Added to the score for each token, with a beam.
        nbest (int): How many results are returned at most.
        normalize_length (bool): No effect.
        disable_repetition_detection (bool): No effect.
        decoder_text_length_limit (int): No effect.
        encoded_feat_length_limit (int): No effect.
        asr_model (Any): A model that is built already, in the place of the files.
        asr_train_args (Any): The arguments it was trained with.

    Raises:
        ConfigError: If the model cannot stream, or an option has no such value; names
            the option.
    """

    def __init__(
        self,
        asr_train_config: Union[Path, str, None] = None,
        asr_model_file: Union[Path, str, None] = None,
        lm_train_config: Union[Path, str, None] = None,
        lm_file: Union[Path, str, None] = None,
        token_type: Optional[str] = None,
        bpemodel: Optional[str] = None,
        device: str = "cpu",
        maxlenratio: float = 0.0,
        minlenratio: float = 0.0,
        batch_size: int = 1,
        dtype: str = "float32",
        beam_size: int = 1,
        ctc_weight: float = 0.5,
        lm_weight: float = 1.0,
        penalty: float = 0.0,
        nbest: int = 1,
        normalize_length: bool = False,
        disable_repetition_detection: bool = False,
        decoder_text_length_limit: int = 0,
        encoded_feat_length_limit: int = 0,
        asr_model: Any = None,
        asr_train_args: Any = None,
    ) -> None:
        given = locals()
        _check_options(given)
        if asr_model is None:
            if asr_train_config is None and asr_model_file is None:
                raise ValueError(
                    "pass asr_train_config, or asr_model with asr_train_args"
                )
            asr_model, asr_train_args = ASRTask.build_model_from_file(
                asr_train_config, asr_model_file, device
            )
        elif asr_train_args is None:
            raise ValueError("asr_model needs its asr_train_args")
        self.device, self.dtype, self.nbest = device, dtype, nbest
        self.asr_train_args = asr_train_args
        self.asr_model = asr_model.to(device, getattr(torch, dtype)).eval()
        self.acoustic_model = StreamingAcousticModel(self.asr_model)
        self.tokenizer = _tokenizer(asr_train_args, token_type, bpemodel)
        # Any: each has a state of its own kind.
        self.search: Any = GreedySearch(self.asr_model.blank_id)
        if beam_size > 1:
            lm = self._language_model(lm_train_config, lm_file, lm_weight)
            blank = self.asr_model.blank_id
            self.search = PrefixBeamSearch(beam_size, blank, penalty, lm)
        self.reset()

    def reset(self) -> None:
        """Forget the stream; the next samples begin another one."""
        self._stream = self.acoustic_model.default_state()
        self._reader = self.new_reader()

    def new_reader(self) -> Reader:
        """Return what reads the posteriors of a stream from its beginning."""
        return Reader(self.search, self._empty_text, self.nbest)

    def _empty_text(self) -> Transcript:
        model = self.asr_model
        frame_rate = self.acoustic_model.frame_rate
        return Transcript(
            model.token_list, self.tokenizer, model.sos, model.eos, frame_rate
        )

    @torch.no_grad()
    def __call__(
        self, speech: Union[Tensor, np.ndarray], is_final: bool = True
    ) -> list[Result]:
        """Read the next samples.

        Args:
            speech (Union[Tensor, np.ndarray]): Next samples, (length,), or (length,
                channels), of which the first is read; perhaps none.
            is_final (bool): Whether the recording ends here. The next call then begins
                another one.

        Returns:
            list[Result]: (text, tokens, token_ids, hypothesis) of what has been read so
            far, the best first.

        Raises:
            TooShortUttError: If the recording ends before it is long enough for a frame
                of the encoder.
        """
        pieces = self.samples_of(speech).split(LONGEST_PIECE, dim=1)
        try:
            for i, piece in enumerate(pieces, start=1):
                self._read(piece, is_final and i == len(pieces))
            return self._reader.results(is_final)
        finally:
            if is_final:
                self.reset()

    def _language_model(
        self,
        config: Union[Path, str, None],
        file: Union[Path, str, None],
        weight: float,
    ) -> Optional[TokenLM]:
        if config is None:
            return None
        built, args = LMTask.build_model_from_file(config, file, self.device)
        model = self.asr_model
        if list(args.token_list) != list(model.token_list):
            raise ConfigError(
                "lm_train_config",
                "must have the tokens of the ASR model, in their order",
            )
        lm = built.lm.to(self.device, getattr(torch, self.dtype)).eval()
        return TokenLM(lm, weight, model.sos, model.eos)

    def _read(self, piece: Tensor, is_final: bool) -> None:
        log_probs, self._stream = self.acoustic_model.forward_chunk(
            piece, self._stream, is_final
        )
        self._reader.read(log_probs[0])

    def samples_of(self, speech: Union[Tensor, np.ndarray]) -> Tensor:
        """Return samples as the model takes them.

        Args:
            speech (Union[Tensor, np.ndarray]): Samples, (length,), or (length,
                channels), of which the first is taken.

        Returns:
            Tensor: The samples, (1, length).

        Raises:
            ValueError: If they have another shape, or are no finite numbers.
        """
        samples = torch.as_tensor(speech)
        if samples.dim() == 2:
            samples = samples[:, 0]
        if samples.dim() != 1:
            raise ValueError(
                "speech must be (length,) or (length, channels), got "
                f"{tuple(samples.shape)}"
            )
        if not samples.isfinite().all():
            raise ValueError("speech holds samples that are no finite numbers")
        return samples.to(self.device, getattr(torch, self.dtype)).unsqueeze(0)

    @staticmethod
    def from_pretrained(
        model_tag: Optional[str] = None, **options: Any
    ) -> "Speech2TextStreaming":
        """Load a published or packed model.

        Args:
            model_tag (Optional[str]): Tag of a model for ``espnet_model_zoo``; a file
                that ESPnet2 packed; a folder that ESPnet3 packed, or that of an
                experiment. None: ``options`` name the files.
            **options (Any): Arguments of the class; ``asr_model_file`` chooses among
                the files of an experiment.

        Returns:
            Speech2TextStreaming: The model, ready to read.
        """
        if model_tag is None:
            return Speech2TextStreaming(**options)
        if not Path(model_tag).is_dir():
            return Speech2TextStreaming(**options, **download_pretrained(model_tag))
        weights = options.pop("asr_model_file", None)
        device = options.get("device", "cpu")
        model, args = build_from_folder(Path(model_tag), weights, device)
        return Speech2TextStreaming(asr_model=model, asr_train_args=args, **options)


def _check_options(given: dict[str, Any]) -> None:
    check_choice("dtype", given["dtype"], DTYPES)
    for option in ("beam_size", "nbest"):
        check_integer(option, given[option], minimum=1)
    if given["batch_size"] != 1:
        raise ConfigError("batch_size", f"must be 1, got {given['batch_size']}")
    if given["lm_train_config"] is not None and given["beam_size"] == 1:
        raise ConfigError("beam_size", "must be > 1 with a language model, got 1")
    ignored = [
        name for name, default in WITHOUT_EFFECT.items() if given[name] != default
    ]
    if ignored:
        logger.warning(
            "a stream is read by CTC alone, so %s has no effect", ", ".join(ignored)
        )


def _tokenizer(
    train_args: Any, token_type: Optional[str], bpemodel: Optional[str]
) -> Optional[AbsTokenizer]:
    """Build what makes text of tokens, as ESPnet does."""
    if token_type is None:
        token_type = train_args.token_type
    if bpemodel is None:
        bpemodel = getattr(train_args, "bpemodel", None)
    if token_type is None or (token_type == "bpe" and bpemodel is None):
        return None
    if token_type == "bpe":
        return build_tokenizer(token_type="bpe", bpemodel=bpemodel)
    return build_tokenizer(token_type=token_type)
