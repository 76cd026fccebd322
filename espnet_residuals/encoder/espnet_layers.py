"""ESPnet's own state-space layers, behind the interface of ours.

Their modules are imported when one is built, not before: the import alone costs time
and logs warnings about missing kernels.
"""

from typing import Any, Optional, Union

import torch
from torch import Tensor, nn

from espnet_residuals.config import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.state_spaces.nplr_kernel import warn_of_wrong_kernel


class EspnetS4(nn.Module):
    """ESPnet's ``S4`` layer (Gu et al., ICLR 2022, https://arxiv.org/abs/2111.00396).

    Without its CUDA extension or pykeops, ESPnet 202611 computes a wrong kernel for
    ``mode: nplr``, which the first such layer of a process warns of; prefer the layer
    ``s4d``, or call :func:`espnet_residuals.fix_state_spaces` first.

    Args:
        d_model (int): Number of features.
        d_state (int): Size of the state.
        bidirectional (bool): Look ahead too.
        mode (str): ``nplr`` or ``diag``.
        measure (str): Start of A and B; for ``diag`` one of ``diag-lin``,
            ``diag-inv``, ``diag-legs``.
        rank (int): Rank of the low-rank part, for ``nplr``.
        dt_min (Union[float, str]): Smallest step length at the start.
        dt_max (Union[float, str]): Largest step length at the start.
        lr (Union[float, str, None]): Learning rate of the state-space parameters.
        dropout (Union[float, str]): Dropout rate after the activation.

    Raises:
        ConfigError: If an option is not valid.

    Examples:
        >>> layer = EspnetS4(8, d_state=4, mode="diag", measure="diag-lin")
        >>> layer(torch.zeros(2, 10, 8)).shape
        torch.Size([2, 10, 8])
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        bidirectional: bool = False,
        mode: str = "nplr",
        measure: str = "legs",
        rank: int = 1,
        dt_min: Union[float, str] = 0.001,
        dt_max: Union[float, str] = 0.1,
        lr: Union[float, str, None] = None,
        dropout: Union[float, str] = 0.0,
    ) -> None:
        from espnet2.asr.state_spaces.s4 import S4

        super().__init__()
        check_choice("mode", mode, ("nplr", "diag"))
        if mode == "nplr":
            warn_of_wrong_kernel()
        self.d_output = d_model
        self.s4 = S4(
            d_model,
            d_state=check_integer("d_state", d_state, minimum=1),
            bidirectional=check_flag("bidirectional", bidirectional),
            mode=mode,
            measure=measure,
            rank=check_integer("rank", rank, minimum=1),
            dt_min=check_number("dt_min", dt_min, above=0),
            dt_max=check_number("dt_max", dt_max, above=0),
            lr=None if lr is None else check_number("lr", lr, minimum=0),
            dropout=check_number("dropout", dropout, minimum=0, below=1),
            transposed=False,
        )
        if mode == "diag":
            # Never used in forward: DDP would wait for its gradient.
            self.s4.kernel.kernel.A.requires_grad_(False)

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Process whole sequences.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,).

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        lengths = None if lengths is None else lengths.to(x.device)
        return self.s4(x, lengths=lengths)[0]


class EspnetAttention(nn.Module):
    """ESPnet's multi-head self-attention, without positions.

    Vaswani et al., "Attention Is All You Need" (NeurIPS 2017).

    Args:
        d_model (int): Number of features.
        n_head (int): Number of heads.
        dropout (Union[float, str]): Dropout rate of the attention weights.

    Raises:
        ConfigError: If an option is not valid.
        ValueError: If ``n_head`` does not divide ``d_model``.

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
            raise ValueError(f"n_head={n_head} does not divide d_model={d_model}")
        self.d_output = d_model
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
            frames = torch.arange(x.size(1), device=x.device)
            mask = (frames < lengths.to(x.device).unsqueeze(-1)).unsqueeze(1)
        # ESPnet asks NumPy for the smallest number of the dtype, which it does not
        # know for bfloat16, so autocast stays out.
        if torch.is_autocast_enabled(x.device.type):
            x = x.float()
        with torch.autocast(x.device.type, enabled=False):
            y, _ = self.attention(x, mask=mask)
        # The weights that ESPnet keeps here hold on to the graph.
        self.attention.attn = None
        return y
