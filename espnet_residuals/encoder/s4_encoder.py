"""The encoder that ESPnet's YAML names ``s4``."""

import warnings
from functools import partial
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Union

import torch
from espnet2.asr.ctc import CTC
from espnet2.asr.encoder.abs_encoder import AbsEncoder
from torch import Tensor
from typeguard import typechecked

from espnet_residuals.config import (
    ConfigError,
    check_flag,
    check_integer,
    check_options,
    shown,
    to_plain,
)
from espnet_residuals.encoder.former_default import FORMER_BLOCK, is_former_default
from espnet_residuals.encoder.input_layer import InputLayer
from espnet_residuals.encoder.stack import AfterBlock, ResidualStack
from espnet_residuals.nn.place import Place

KEY = "encoder_conf"

DEFAULT_BLOCK: tuple[Mapping[str, Any], ...] = (
    {"_name_": "s4d", "bidirectional": True},
    {"_name_": "conv"},
    {"_name_": "ff"},
)

EncoderOutput = Union[Tensor, tuple[Tensor, list[tuple[int, Tensor]]]]


class EncoderState(NamedTuple):
    """Where a stream stands.

    Attributes:
        past (Tensor): Features that later frames still need, (batch, length,
            input_size).
        sublayers (list[Any]): State of each sublayer.
    """

    past: Tensor
    sublayers: list[Any]


class S4Encoder(AbsEncoder):
    """Deep state-space encoder whose layers and residual function have names.

    Args:
        input_size (int): Number of input features.
        output_size (int): Number of features of the stream and the output.
        num_blocks (int): Number of blocks.
        input_layer (Optional[str]): ESPnet's subsampling: ``linear``, ``conv1d1``,
            ``conv1d2``, ``conv1d3``, ``conv2d``, ``conv2d1``, ``conv2d2``,
            ``conv2d6``, ``conv2d8``, ``embed``, or None. All but None scale what they
            give to a mean square of about 1/4 (``start: s4``: by sqrt(output_size), as
            ESPnet's encoders do).
        layer (Any): The layers of one block, in order: a name, a mapping with
            ``_name_`` and options, or a list of these. Names: ``s4d``, ``ff``,
            ``conv``, ``mha``, ``mamba2``, ``espnet_s4``. A mapping may also hold the
            ``residual`` of this sublayer alone, and ``scale``, a constant factor of its
            branch. Default: a bidirectional ``s4d``, ``conv`` and ``ff``; a model that
            was stored with the former default, without ``conv``, still loads.
        residual (Any): The residual function: a name, or a mapping with ``_name_`` and
            options; None for no residual connection.
        norm (Optional[str]): ``layer`` for LayerNorm, or None.
        prenorm (bool): Normalise before each layer and once at the end; else after
            each residual connection.
        block_norm (bool): Normalise behind each block as well, as Conformer does.
        dropout_rate (float): Dropout rate in the layers and after them, and behind
            ``input_layer`` unless that is None.
        drop_path (float): Rate of stochastic depth.
        start (str): ``direct``: layers start as :mod:`espnet_residuals.start` says, so
            that every residual function trains; ``s4``: as in the S4 authors' code.
        interctc_layer_idx (Optional[Sequence[int]]): Blocks whose output an
            intermediate CTC loss sees, 0 < index < num_blocks.
        interctc_use_conditioning (bool): Feed the intermediate CTC's posteriors back
            into the stream (self-conditioning).

    Raises:
        ConfigError: A ValueError that names the wrong key, its value and what is
            allowed.

    Examples:
        >>> encoder = S4Encoder(
        ...     input_size=80, output_size=16, num_blocks=2, residual="decay"
        ... )
        >>> xs, ilens = torch.ones(2, 100, 80), torch.tensor([100, 60])
        >>> ys, olens, _ = encoder(xs, ilens)
        >>> ys.shape, olens
        (torch.Size([2, 24, 16]), tensor([24, 14]))
    """

    # Any: what stands in the YAML is checked below, where a message has its key path.
    @typechecked
    def __init__(
        self,
        /,
        input_size: int,
        output_size: Any = 256,
        num_blocks: Any = 6,
        input_layer: Any = "conv2d",
        layer: Any = DEFAULT_BLOCK,
        residual: Any = "residual",
        norm: Any = "layer",
        prenorm: Any = True,
        block_norm: Any = False,
        dropout_rate: Any = 0.1,
        drop_path: Any = 0.0,
        start: Any = "direct",
        interctc_layer_idx: Any = None,
        interctc_use_conditioning: Any = False,
        **unknown: Any,
    ) -> None:
        super().__init__()
        _refuse(unknown)
        self._output_size = check_integer(f"{KEY}.output_size", output_size, minimum=1)
        self._build_stack = partial(
            ResidualStack,
            output_size,
            num_blocks,
            residual=residual,
            norm=norm,
            prenorm=prenorm,
            block_norm=block_norm,
            dropout_rate=dropout_rate,
            drop_path=drop_path,
            start=start,
            key=KEY,
        )
        self.stack = self._build_stack(layer)
        self._num_blocks = num_blocks
        self._is_default = layer is DEFAULT_BLOCK
        try:
            self.embed = InputLayer(
                input_layer, input_size, output_size, dropout_rate, start
            )
        except ConfigError as error:
            raise error.within(KEY) from None
        self.interctc_layer_idx = _checked_blocks(interctc_layer_idx, num_blocks)
        self.interctc_use_conditioning = check_flag(
            f"{KEY}.interctc_use_conditioning", interctc_use_conditioning
        )
        if self.interctc_use_conditioning and not self.interctc_layer_idx:
            warnings.warn(
                f"{KEY}.interctc_use_conditioning has no effect without blocks to "
                f"condition on; name them in {KEY}.interctc_layer_idx",
            )
        # ESPnet's model puts a linear map from the CTC's vocabulary here.
        self.conditioning_layer: Any = None

    def output_size(self) -> int:
        """Return the number of features of the output."""
        return self._output_size

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any
    ) -> None:
        """Take the former default's layers where a model without ``layer`` has them."""
        if self._is_default and is_former_default(
            state_dict, f"{prefix}stack.", self._num_blocks
        ):
            like = next(self.stack.parameters())
            self.stack = self._build_stack(FORMER_BLOCK).to(like).train(self.training)
        super()._load_from_state_dict(state_dict, prefix, *args)

    @property
    def delay(self) -> int:
        """How many features behind its first a frame of the output needs.

        Frame t, from 0, can be computed when feature ``t * embed.stride + delay`` has
        come, from 0; for an encoder that can stream.
        """
        return self.embed.context - 1 + self.embed.stride * self.stack.look_ahead

    def forward(
        self,
        xs_pad: Tensor,
        ilens: Tensor,
        prev_states: Optional[Tensor] = None,
        ctc: Optional[CTC] = None,
    ) -> tuple[EncoderOutput, Tensor, None]:
        """Encode a batch.

        Args:
            xs_pad (Tensor): Features, (batch, length, input_size).
            ilens (Tensor): Valid frames of each utterance, (batch,).
            prev_states (Optional[Tensor]): Not used.
            ctc (Optional[CTC]): The model's CTC, for self-conditioning.

        Returns:
            tuple[EncoderOutput, Tensor, None]: The output, (batch, length',
            output_size), zero behind the lengths, together with the intermediate
            outputs if there are any; the lengths, (batch,); and None.

        Raises:
            TooShortUttError: If the longest utterance is too short for the subsampling.
            ValueError: If the batch is empty, or a length negative or beyond its
                frames.
        """
        x, olens = self.embed(xs_pad, ilens)
        intermediate: list[tuple[int, Tensor]] = []
        ys = self.stack(x, olens, self._after_block(intermediate, ctc))
        if intermediate:
            return (ys, intermediate), olens, None
        return ys, olens, None

    def _after_block(
        self, intermediate: list[tuple[int, Tensor]], ctc: Optional[CTC]
    ) -> AfterBlock:
        """Return what collects the intermediate outputs, and conditions on them."""

        def after_block(index: int, stream: Tensor) -> Tensor:
            if index not in self.interctc_layer_idx:
                return stream
            out = self.stack.norm(stream)
            intermediate.append((index, out))
            if not self.interctc_use_conditioning:
                return stream
            return self._condition(stream, out, ctc)

        return after_block

    def _condition(self, stream: Tensor, out: Tensor, ctc: Optional[CTC]) -> Tensor:
        """Add the intermediate posteriors to the stream."""
        if ctc is None or self.conditioning_layer is None:
            raise ValueError(
                "interctc_use_conditioning needs the model's CTC and the layer that "
                "ESPnet's model puts into conditioning_layer"
            )
        return stream + self.conditioning_layer(ctc.softmax(out))

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> EncoderState:
        """Return the state before the first frame of a stream.

        Args:
            batch_size (int): Number of utterances.
            device (Optional[torch.device]): Device; None for that of the parameters.
            dtype (Optional[torch.dtype]): Dtype of the features; None for that of the
                parameters.

        Returns:
            EncoderState: The state.

        Raises:
            ConfigError: If the configuration cannot stream; names the option that
                prevents it.
        """
        parameter = next(self.stack.parameters())
        device, dtype = device or parameter.device, dtype or parameter.dtype
        states = self.stack.default_state(batch_size, device, dtype)
        return EncoderState(self.embed.no_features(batch_size, device, dtype), states)

    def forward_chunk(
        self,
        feats: Tensor,
        state: EncoderState,
        ctc: Optional[CTC] = None,
        is_final: bool = False,
        place: Optional[Place] = None,
    ) -> tuple[Tensor, EncoderState]:
        """Encode the next features of utterances that have begun before.

        A recording fed in chunks of any size gives the frames of the whole; cost and
        memory per frame do not depend on its length.

        Args:
            feats (Tensor): Next features, (batch, length, input_size), all valid; with
                ``is_final`` there may be none.
            state (EncoderState): State before them; it is not changed.
            ctc (Optional[CTC]): The model's CTC, for self-conditioning.
            is_final (bool): Whether the utterances end here, which gives the frames
                that waited for later ones.
            place (Optional[Place]): Where the frames behind the input layer lie in
                their recordings; None: all belong to them.

        Returns:
            tuple[Tensor, EncoderState]: The frames that can be computed now, (batch,
            length', output_size), perhaps none (see :attr:`delay`); and the state
            behind them.

        Examples:
            >>> encoder = S4Encoder(80, output_size=16, layer="s4d").eval()
            >>> state, counts = encoder.default_state(batch_size=1), []
            >>> for feats in torch.randn(1, 20, 80).split(5, dim=1):
            ...     frames, state = encoder.forward_chunk(feats, state)
            ...     counts.append(frames.size(1))
            >>> counts, encoder.delay
            ([0, 1, 2, 1], 6)
        """
        x, past = self.embed.forward_chunk(feats, state.past)
        if x.size(1) == 0 and not is_final:
            return x, EncoderState(past, state.sublayers)
        conditions = self.interctc_use_conditioning
        after_block = self._after_block([], ctc) if conditions else None
        ys, states = self.stack.forward_chunk(
            x, state.sublayers, after_block, is_final, place
        )
        return ys, EncoderState(past, states)


def _refuse(unknown: Mapping[str, Any]) -> None:
    """Say which option does not exist, and which may have been meant."""
    names = list(S4Encoder.__init__.__annotations__)
    options = [n for n in names if n not in ("input_size", "unknown", "return")]
    check_options("S4Encoder", unknown, options, KEY)


def _checked_blocks(indices: Any, num_blocks: int) -> list[int]:
    key = f"{KEY}.interctc_layer_idx"
    if indices is None:
        return []
    if isinstance(indices, str) or not isinstance(indices, Sequence):
        raise ConfigError(
            key, f"must be a list of blocks or null, got {shown(indices)}"
        )
    indices = to_plain(indices, key)
    for index in indices:
        if check_integer(key, index, minimum=1) >= num_blocks:
            raise ConfigError(
                key,
                f"counts blocks, so 0 < index < num_blocks={num_blocks}, got {index}",
            )
    return list(indices)
