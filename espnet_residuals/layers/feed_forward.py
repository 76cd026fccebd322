"""The position-wise feed-forward layer."""

import math
from typing import Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import check_integer, check_number
from espnet_residuals.nn.activated_linear import activated_linear
from espnet_residuals.nn.activation import check_activation
from espnet_residuals.nn.dropout import Dropout
from espnet_residuals.nn.place import Place
from espnet_residuals.start import (
    centred_orthogonal_,
    check_start_gain,
    orthogonal_,
    spread,
)


class FeedForward(nn.Module):
    """Two linear maps with an activation and dropout between them, frame by frame.

    Vaswani et al., "Attention Is All You Need" (NeurIPS 2017,
    https://arxiv.org/abs/1706.03762), section 3.3, where the activation is ReLU.

    Args:
        d_model (int): Number of features.
        expand (int): Width of the hidden layer, in multiples of ``d_model``.
        activation (str): ``gelu``, ``swish`` or ``relu``.
        dropout (float): Dropout rate after the activation.
        start_gain (Optional[float]): Root mean square of the output at the start, for
            input of root mean square 1 (:mod:`espnet_residuals.start`); None for maps
            as torch draws them.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> FeedForward(d_model=8)(torch.ones(2, 100, 8)).shape
        torch.Size([2, 100, 8])
    """

    def __init__(
        self,
        d_model: int,
        expand: int = 4,
        activation: str = "gelu",
        dropout: float = 0.0,
        start_gain: Optional[float] = 1.0,
    ) -> None:
        super().__init__()
        self.start_gain = check_start_gain(start_gain)
        hidden = d_model * check_integer("expand", expand, minimum=1)
        self.activation = check_activation("activation", activation)
        self.linear_in = nn.Linear(d_model, hidden)
        self.dropout = Dropout(check_number("dropout", dropout, minimum=0, below=1))
        self.linear_out = nn.Linear(hidden, d_model)
        if start_gain is not None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as the constructor does."""
        self.linear_in.reset_parameters()
        self.linear_out.reset_parameters()
        if self.start_gain is not None:
            nn.init.zeros_(self.linear_in.bias)
            nn.init.zeros_(self.linear_out.bias)
            orthogonal_(self.linear_in.weight, 1.0)
            gain = self.start_gain / math.sqrt(spread(self.activation))
            centred_orthogonal_(self.linear_out.weight, gain)

    def espnet_initialization_fn(self) -> None:
        """Restore the start after ESPnet's ``init:`` has overwritten it."""
        if self.start_gain is not None:
            self.reset_parameters()

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Transform every frame.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Not used: no frame sees another.

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        return activated_linear(
            self.linear_in(x), self.activation, self.linear_out, self.dropout
        )

    def default_state(
        self,
        batch_size: int,
        device: Optional[torch.device] = None,
        dtype: Optional[torch.dtype] = None,
    ) -> None:
        """Return the state before the first frame: there is none.

        Args:
            batch_size (int): Number of sequences.
            device (Optional[torch.device]): Device of the frames.
            dtype (Optional[torch.dtype]): Dtype of the frames.

        Returns:
            None: What :meth:`forward_chunk` takes and returns as the state.
        """
        return None

    def forward_chunk(
        self, x: Tensor, state: None, place: Optional[Place] = None
    ) -> tuple[Tensor, None]:
        """Transform the next frames of sequences that have begun before.

        Args:
            x (Tensor): Next frames, (batch, length, d_model), all of them valid.
            state (None): State before them.
            place (Optional[Place]): Not used: no frame sees another.

        Returns:
            tuple[Tensor, None]: Output, (batch, length, d_model), and the state behind
            the frames.
        """
        return self.forward(x), None
