"""Blocks of sublayers on top of one another."""

import logging
from typing import Any, Callable, Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.encoder.block import read_block
from espnet_residuals.encoder.growth import check_growth, check_norm
from espnet_residuals.encoder.init_gain import branch_gain
from espnet_residuals.encoder.sublayer import Sublayer
from espnet_residuals.layers import build_layer
from espnet_residuals.nn.lengths import valid_frames
from espnet_residuals.nn.place import Place
from espnet_residuals.residual import build_residual

logger = logging.getLogger(__name__)

# Deeper than any encoder that was ever trained; millions would be built for minutes.
MOST_SUBLAYERS = 4096

AfterBlock = Callable[[int, Tensor], Tensor]

STARTS = ("direct", "s4")


class ResidualStack(nn.Module):
    """Deep stack of sublayers whose layers and residual function have names.

    Args:
        d_model (int): Number of features.
        num_blocks (int): Number of blocks.
        layer (Any): The layers of one block, in order: a name, a mapping with
            ``_name_``, or a list of these. Beside the layer's options a mapping may
            hold the ``residual`` of its sublayer and ``scale``, a constant factor of
            its branch.
        residual (Any): The residual function, as in
            :func:`~espnet_residuals.residual.build_residual`. Its ``i_layer`` counts
            sublayers through the whole stack, from 1.
        norm (Optional[str]): ``layer`` for LayerNorm, or None.
        prenorm (bool): Normalise before each layer, and once at the end; else after
            each residual connection.
        block_norm (bool): Normalise behind each block as well.
        dropout_rate (float): Dropout rate in the layers and after them.
        drop_path (float): Rate of stochastic depth.
        start (str): ``direct``: layers start as :mod:`espnet_residuals.start` says;
            ``s4``: as in the S4 authors' code.
        key (str): Path of the options in the YAML, for messages.

    Raises:
        ConfigError: A ValueError that names the wrong key.

    Examples:
        >>> stack = ResidualStack(8, num_blocks=2, layer=["s4d", "ff"], residual="D")
        >>> stack(torch.ones(2, 100, 8), lengths=torch.tensor([100, 60])).shape
        torch.Size([2, 100, 8])
        >>> [round(sublayer.residual.beta, 3) for sublayer in stack.sublayers]
        [1.0, 0.707, 0.577, 0.5]
    """

    def __init__(
        self,
        d_model: int,
        num_blocks: int,
        layer: Any,
        residual: Any = "residual",
        norm: Optional[str] = "layer",
        prenorm: bool = True,
        block_norm: bool = False,
        dropout_rate: float = 0.0,
        drop_path: float = 0.0,
        start: str = "direct",
        key: str = "encoder_conf",
    ) -> None:
        super().__init__()
        try:
            check_integer("num_blocks", num_blocks, minimum=1)
            check_choice("norm", norm, ("layer", None))
            check_flag("prenorm", prenorm)
            check_flag("block_norm", block_norm)
            dropout_rate = check_number(
                "dropout_rate", dropout_rate, minimum=0, below=1
            )
            drop_path = check_number("drop_path", drop_path, minimum=0, below=1)
            check_choice("start", start, STARTS)
        except ConfigError as error:
            raise error.within(key) from None
        block = read_block(layer, residual, key)
        n_layers = num_blocks * len(block)
        if n_layers > MOST_SUBLAYERS:
            raise ConfigError(
                f"{key}.num_blocks",
                f"must give at most {MOST_SUBLAYERS} sublayers, got {num_blocks} "
                f"blocks of {len(block)}",
            )

        is_postnorm = norm is not None and not prenorm

        def build_norm() -> nn.Module:
            return nn.LayerNorm(d_model) if norm == "layer" else nn.Identity()

        def build_sublayer(i_layer: int) -> Sublayer:
            config = block[(i_layer - 1) % len(block)]
            function = build_residual(
                config.residual,
                i_layer,
                d_model,
                d_model,
                n_layers=n_layers,
                key=config.residual_key,
            )
            check_norm(function, norm, prenorm, config.residual_key)
            gain = None
            if start == "direct":
                gain = branch_gain(function, n_layers, is_postnorm)
            return Sublayer(
                build_layer(
                    config.layer,
                    d_model,
                    dropout=dropout_rate,
                    start_gain=gain,
                    key=config.key,
                ),
                function,
                build_norm(),
                prenorm,
                dropout_rate,
                drop_path,
                config.scale,
            )

        self.block_size = len(block)
        self._layer_keys = [config.key for config in block]
        sublayers = [build_sublayer(i_layer) for i_layer in range(1, n_layers + 1)]
        ends = [i_layer % len(block) == 0 for i_layer in range(1, n_layers + 1)]
        check_growth(
            [sublayer.residual for sublayer in sublayers],
            [is_postnorm or block_norm and end for end in ends],
            [(config.residual, config.residual_key) for config in block] * num_blocks,
        )
        # Any: to mypy, what a ModuleList holds has no methods of its own.
        self.sublayers: Any = nn.ModuleList(sublayers)
        self.block_norms = nn.ModuleList(
            nn.LayerNorm(d_model) for _ in range(num_blocks if block_norm else 0)
        )
        self.norm = build_norm() if prenorm else nn.Identity()
        _report_drop_path(sublayers, drop_path)

    @property
    def look_ahead(self) -> int:
        """How many frames ahead of a frame its output sees, if the stack can stream."""
        return sum(sublayer.look_ahead for sublayer in self.sublayers)

    def forward(
        self,
        x: Tensor,
        lengths: Optional[Tensor] = None,
        after_block: Optional[AfterBlock] = None,
    ) -> Tensor:
        """Process whole sequences.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,). None:
                all are valid.
            after_block (Optional[AfterBlock]): Called with the index of each block,
                from 1, and the stream behind it; returns the stream to go on with.

        Returns:
            Tensor: Output, (batch, length, d_model); zero behind the lengths.
        """
        padding = None
        if lengths is not None:
            padding = ~valid_frames(lengths, x).unsqueeze(-1)
            x = x.masked_fill(padding, 0.0)
        for i_layer, sublayer in enumerate(self.sublayers, start=1):
            x = self._end_sublayer(i_layer, sublayer(x, lengths), after_block)
        x = self.norm(x)
        return x if padding is None else x.masked_fill(padding, 0.0)

    def _end_sublayer(
        self, i_layer: int, x: Tensor, after_block: Optional[AfterBlock]
    ) -> Tensor:
        if i_layer % self.block_size:
            return x
        index = i_layer // self.block_size
        if self.block_norms:
            x = self.block_norms[index - 1](x)
        return x if after_block is None else after_block(index, x)

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> list[Any]:
        """Return the state before the first frame.

        Args:
            batch_size (int): Number of sequences.
            device (Optional[torch.device]): Device; None for that of the parameters.
            dtype (Optional[torch.dtype]): Dtype of the frames; None for that of the
                parameters.

        Returns:
            list[Any]: One state for each sublayer.

        Raises:
            ConfigError: If a layer cannot stream; names the option that prevents it.
        """
        states = []
        for i, sublayer in enumerate(self.sublayers):
            try:
                states.append(sublayer.default_state(batch_size, device, dtype))
            except ConfigError as error:
                raise error.within(self._layer_keys[i % self.block_size]) from None
        return states

    def forward_chunk(
        self,
        x: Tensor,
        state: list[Any],
        after_block: Optional[AfterBlock] = None,
        is_final: bool = False,
        place: Optional[Place] = None,
    ) -> tuple[Tensor, list[Any]]:
        """Process the next frames of sequences that have begun before.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid; with
                ``is_final`` there may be none.
            state (list[Any]): State before them; it is not changed.
            after_block (Optional[AfterBlock]): As in :meth:`forward`.
            is_final (bool): Whether the sequences end here.
            place (Optional[Place]): Where the frames lie in their recordings; None: all
                belong to them.

        Returns:
            tuple[Tensor, list[Any]]: The output that can be computed now, (batch,
            length', d_model): it stays ``look_ahead`` frames behind the input, and
            with ``is_final`` catches up; and the state behind the frames.
        """
        states = []
        for i_layer, sublayer in enumerate(self.sublayers, start=1):
            x, behind = sublayer.forward_chunk(x, state[i_layer - 1], is_final, place)
            states.append(behind)
            if place is not None:
                place = place.delayed(sublayer.look_ahead)
            x = self._end_sublayer(i_layer, x, after_block)
        return self.norm(x), states

    def step(self, x: Tensor, state: list[Any]) -> tuple[Tensor, list[Any]]:
        """Process one frame of each sequence.

        Args:
            x (Tensor): Input frame, (batch, d_model).
            state (list[Any]): State before the frame.

        Returns:
            tuple[Tensor, list[Any]]: Output frame, (batch, d_model), and the state
            behind it.

        Raises:
            ValueError: If the output of a frame needs later ones.
        """
        if self.look_ahead:
            raise ValueError(
                f"the output of a frame needs {self.look_ahead} later ones, so a step "
                "has none; use forward_chunk"
            )
        y, state = self.forward_chunk(x.unsqueeze(1), state)
        return y.squeeze(1), state


def _report_drop_path(sublayers: list[Sublayer], drop_path: float) -> None:
    """Tell where stochastic depth is off because nothing would be left."""
    spared = [
        str(i_layer)
        for i_layer, sublayer in enumerate(sublayers, start=1)
        if sublayer.drop_path.rate != drop_path
    ]
    if spared:
        logger.info(
            "drop_path is 0 at the sublayers that keep nothing of their input: %s",
            ", ".join(spared),
        )
