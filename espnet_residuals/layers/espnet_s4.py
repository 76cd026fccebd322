"""ESPnet's own S4 layer, behind the interface of ours.

ESPnet's module is imported when a layer is built, not before: the import alone costs
time and logs warnings about missing kernels.
"""

from typing import Callable, Optional, Union

import torch
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.espnet_fixes.nplr_kernel import warn_of_wrong_kernel

# Size of the smallest state from which ESPnet 202611 starts each measure. Its ``all``
# cannot be built; ``hippo`` and ``diag`` are mixtures of two.
SMALLEST_STATE = {
    **dict.fromkeys(("legs", "legt", "legsd", "diag-legs", "diag-hippo"), 4),
    **dict.fromkeys(("fourier", "fout", "fourier_diag", "foud", "hippo"), 4),
    **dict.fromkeys(("diag-lin", "diag-linear", "diag-inv", "diag-inverse"), 2),
    **dict.fromkeys(("diag-inv2", "diag-inverse2", "diag-quad", "diag-quadratic"), 2),
    **dict.fromkeys(("diag-random", "diag-real", "diag"), 2),
}
EVEN_STATES = ("fourier", "fout", "fourier_diag", "foud", "hippo")
MIXTURES_OF_TWO = ("hippo", "diag")
HALF = (torch.float16, torch.bfloat16)
# Beyond, its gradients are not finite.
DT_MIN, DT_MAX = 1e-10, 1e10


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
        _check_measure(measure, d_model, d_state, rank)
        dt_min = check_number("dt_min", dt_min, minimum=DT_MIN, maximum=DT_MAX)
        if mode == "nplr":
            warn_of_wrong_kernel()
        self.s4 = S4(
            d_model,
            d_state=d_state,
            bidirectional=check_flag("bidirectional", bidirectional),
            mode=mode,
            measure=measure,
            rank=rank,
            dt_min=dt_min,
            dt_max=check_number("dt_max", dt_max, minimum=dt_min, maximum=DT_MAX),
            lr=None if lr is None else check_number("lr", lr, minimum=0),
            dropout=check_number("dropout", dropout, minimum=0, below=1),
            transposed=False,
        )
        if mode == "diag":
            # Never used in forward: DDP would wait for its gradient.
            self.s4.kernel.kernel.A.requires_grad_(False)

    def _apply(
        self, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> "EspnetS4":
        """Move the parameters, but keep their precision when a model goes to half.

        ESPnet computes the kernel in complex numbers, which have no half precision.
        """

        def move(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            is_cast = moved.dtype in HALF and moved.dtype != tensor.dtype
            return tensor.to(moved.device) if is_cast else moved

        super()._apply(move, recurse)
        return self

    def forward(self, x: Tensor, lengths: Optional[Tensor] = None) -> Tensor:
        """Process whole sequences.

        Args:
            x (Tensor): Input, (batch, length, d_model).
            lengths (Optional[Tensor]): Valid frames of each sequence, (batch,).

        Returns:
            Tensor: Output, (batch, length, d_model).
        """
        if x.numel() == 0:
            return x
        lengths = None if lengths is None else lengths.to(x.device)
        y: Tensor = self.s4(x.float() if x.dtype in HALF else x, lengths=lengths)[0]
        return y.to(x.dtype) if x.dtype in HALF else y


def _check_measure(measure: str, d_model: int, d_state: int, rank: int) -> None:
    """Refuse sizes from which ESPnet cannot start a measure."""
    check_choice("measure", measure, SMALLEST_STATE)
    smallest = SMALLEST_STATE[measure]
    check_integer("d_state", d_state, minimum=smallest)
    if measure in EVEN_STATES and d_state % 2:
        raise ConfigError("d_state", f"must be even for {measure}, got {d_state}")
    if measure in MIXTURES_OF_TWO and d_model % 2:
        raise ConfigError(
            "measure",
            f"{measure} gives each half of the features another start, so d_model must "
            f"be even, got {d_model}",
        )
    check_integer("rank", rank, minimum=2 if measure == "legt" else 1)
