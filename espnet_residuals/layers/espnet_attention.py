"""ESPnet's own self-attention, behind the interface of ours.

ESPnet's module is imported when a layer is built, not before: its package logs warnings
about missing kernels.
"""

from typing import Any, Optional, Union

import torch
from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_integer, check_number
from espnet_residuals.lengths import valid_frames


class EspnetAttention(nn.Module):
    """ESPnet's multi-head self-attention, without positions.

    Vaswani et al., "Attention Is All You Need" (NeurIPS 2017,
    https://arxiv.org/abs/1706.03762), section 3.2.2.

    Args:
        d_model (int): Number of features.
        n_head (int): Number of heads.
        dropout (Union[float, str]): Dropout rate of the attention weights.

    Raises:
        ConfigError: If an option is not valid, or ``n_head`` does not divide
            ``d_model``.

    Examples:
        >>> EspnetAttention(8, n_head=2)(torch.zeros(2, 10, 8)).shape
        torch.Size([2, 10, 8])
    """

    def __init__(
        self, d_model: int, n_head: int = 4, dropout: Union[float, str] = 0.0
    ) -> None:
        from espnet2.asr.state_spaces.attention import MultiHeadedAttention

        super().__init__()
        check_integer("n_head", n_head, minimum=1)
        dropout = check_number("dropout", dropout, minimum=0, below=1)
        if d_model % n_head:
            raise ConfigError("n_head", f"must divide d_model={d_model}, got {n_head}")
        self.attention: Any = MultiHeadedAttention(d_model, n_head, dropout=dropout)

    def output_weights(self) -> list[nn.Parameter]:
        """Return the weights that the size of the output depends on.

        Returns:
            list[nn.Parameter]: Those of the values and of the output.
        """
        return [self.attention.linear_v.weight, self.attention.linear_out.weight]

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Attend from every frame to every valid one.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,).

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        mask = None
        if lengths is not None:
            mask = valid_frames(lengths, x).unsqueeze(1)
        # ESPnet asks NumPy for the smallest number of the dtype, which it does not
        # know for bfloat16, so autocast stays out.
        if torch.is_autocast_enabled(x.device.type):
            x = x.float()
        with torch.autocast(x.device.type, enabled=False):
            y, _ = self.attention(x, mask=mask)
        # The weights that ESPnet keeps here hold on to the graph.
        self.attention.attn = None
        return y
