"""ESPnet's own S4 layer, behind the interface of ours.

ESPnet's module is imported when a layer is built, not before: the import alone costs
time and logs warnings about missing kernels.
"""

from typing import Optional, Union

from torch import Tensor, nn

from espnet_residuals.config import (
    check_choice,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.state_spaces.nplr_kernel import warn_of_wrong_kernel

# All that ESPnet 202611 has; ``hippo``, ``diag`` and ``all`` are mixtures.
MEASURES = (
    *("legs", "legt", "legsd", "fourier", "fout", "fourier_diag", "foud"),
    *("diag-lin", "diag-linear", "diag-inv", "diag-inverse", "diag-inv2"),
    *("diag-inverse2", "diag-quad", "diag-quadratic", "diag-legs", "diag-hippo"),
    *("diag-random", "diag-real", "hippo", "diag", "all"),
)


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
        >>> import torch
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
        check_choice("measure", measure, MEASURES)
        if mode == "nplr":
            warn_of_wrong_kernel()
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
