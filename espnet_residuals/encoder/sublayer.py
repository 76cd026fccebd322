"""One sublayer: normalisation, a layer, dropout, and the residual function."""

from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import ConfigError
from espnet_residuals.encoder.drop_path import DropPath
from espnet_residuals.encoder.init_gain import scale_output_weights
from espnet_residuals.nn.dropout import Dropout
from espnet_residuals.nn.place import Place


class DelayedState(NamedTuple):
    """State of a sublayer whose layer looks ahead.

    Attributes:
        waiting (Optional[Tensor]): Input whose output the layer still owes, (batch,
            length, d_model); None at the start.
        layer (Any): The layer's own state.
    """

    waiting: Optional[Tensor]
    layer: Any


class Sublayer(nn.Module):
    """A layer with its residual connection.

    Prenorm computes ``residual(x, drop(layer(norm(x))))``, postnorm
    ``norm(residual(x, drop(layer(x))))``.

    Where the residual function has an ``init_gain``, as DeepNorm has, and the layer no
    ``start_gain`` that it was built with, the start of the layer is multiplied by it,
    here and again behind ESPnet's ``init:``; which weights that are,
    :func:`~espnet_residuals.encoder.init_gain.scale_output_weights` says.

    Args:
        layer (nn.Module): Module with ``forward(x, lengths)``.
        residual (nn.Module): Module with ``forward(x, y)`` and ``keeps_input``.
        norm (nn.Module): Normalisation of one frame.
        prenorm (bool): Whether the norm stands before the layer.
        dropout_rate (float): Dropout rate on the output of the layer.
        drop_path (float): Rate of stochastic depth; 0 is used where the residual
            function keeps nothing of ``x``, since nothing would be left.
        scale (float): Constant factor of the layer's output.

    Examples:
        >>> from espnet_residuals.layers.feed_forward import FeedForward
        >>> from espnet_residuals.residual import DecayResidual
        >>> sublayer = Sublayer(
        ...     FeedForward(8), DecayResidual(2, 8, 8), nn.LayerNorm(8), prenorm=True
        ... )
        >>> sublayer(torch.ones(2, 100, 8)).shape
        torch.Size([2, 100, 8])
    """

    def __init__(
        self,
        layer: nn.Module,
        residual: nn.Module,
        norm: nn.Module,
        prenorm: bool,
        dropout_rate: float = 0.0,
        drop_path: float = 0.0,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.norm = norm
        self.prenorm = prenorm
        self.layer: Any = layer
        self.dropout = Dropout(dropout_rate)
        self.drop_path = DropPath(drop_path if self._keeps(residual) else 0.0)
        self.residual = residual
        self.scale = scale
        self._scale_start()

    @property
    def look_ahead(self) -> int:
        """How many frames ahead of a frame its output sees, if the layer can stream."""
        return getattr(self.layer, "look_ahead", None) or 0

    def _scale_start(self) -> None:
        if getattr(self.layer, "start_gain", None) is None:
            scale_output_weights(self.layer, getattr(self.residual, "init_gain", 1.0))

    def espnet_initialization_fn(self) -> None:
        """Scale the start again, after ESPnet's ``init:`` has drawn new weights."""
        self._scale_start()

    @staticmethod
    def _keeps(residual: nn.Module) -> bool:
        return bool(getattr(residual, "keeps_input", True))

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Process whole sequences.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,).

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        return self._join(x, self.layer(self._before(x), lengths))

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> Any:
        """Return the state before the first frame.

        Args:
            batch_size (int): Number of sequences.
            device (Optional[torch.device]): Device; None for that of the parameters.
            dtype (Optional[torch.dtype]): Dtype of the frames; None for that of the
                parameters.

        Returns:
            Any: The layer's own; where it looks ahead, a :class:`DelayedState`.

        Raises:
            ConfigError: If the layer cannot stream.
        """
        if not hasattr(self.layer, "forward_chunk"):
            raise ConfigError("", f"{type(self.layer).__name__} cannot stream")
        state = self.layer.default_state(batch_size, device, dtype)
        return DelayedState(None, state) if self.look_ahead else state

    def forward_chunk(
        self,
        x: Tensor,
        state: Any,
        is_final: bool = False,
        place: Optional[Place] = None,
    ) -> tuple[Tensor, Any]:
        """Process the next frames of sequences that have begun before.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), perhaps none.
            state (Any): State before them.
            is_final (bool): Whether the sequences end here.
            place (Optional[Place]): Where the frames lie in their recordings, for a
                layer that can be told; None: all belong to them.

        Returns:
            tuple[Tensor, Any]: The output that can be computed now, (batch, length',
            d_model), ``look_ahead`` frames behind the input unless ``is_final``; and
            the state behind the frames.
        """
        if self.look_ahead:
            return self._forward_delayed(x, state, is_final, place)
        if x.size(1) == 0:
            return x, state
        y, state = self._advance(x, state, place)
        return self._join(x, y), state

    def _forward_delayed(
        self, x: Tensor, state: DelayedState, is_final: bool, place: Optional[Place]
    ) -> tuple[Tensor, DelayedState]:
        """Let the input wait until the layer has seen enough of what follows."""
        y, behind = x[:, :0], state.layer
        if x.size(1):
            y, behind = self._advance(x, behind, place)
        if is_final:
            y = torch.cat([y, self.layer.finish(behind)], dim=1)
        if state.waiting is not None:
            x = torch.cat([state.waiting, x], dim=1)
        n_ready = y.size(1)
        return self._join(x[:, :n_ready], y), DelayedState(x[:, n_ready:], behind)

    def _advance(self, x: Tensor, state: Any, place: Optional[Place]) -> Any:
        # A layer of one's own may know nothing of places.
        where = () if place is None else (place,)
        return self.layer.forward_chunk(self._before(x), state, *where)

    def _before(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.prenorm else x

    def _join(self, x: Tensor, y: Tensor) -> Tensor:
        y = self.drop_path(self.dropout(y))
        z = self.residual(x, y if self.scale == 1.0 else self.scale * y)
        return z if self.prenorm else self.norm(z)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return "" if self.scale == 1.0 else f"scale={self.scale:g}"
