"""One direction of Mamba-2: short convolution, step lengths, scan and direct path."""

import math
from typing import Any, NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from espnet_residuals.ssm.autocast import without_autocast
from espnet_residuals.ssm.depthwise import depthwise_convolution
from espnet_residuals.ssm.marked import MarkedParameters
from espnet_residuals.ssm.ssd import CHUNK, ssd

# Where -A starts, uniform, as in the authors' code.
A_MIN, A_MAX = 1.0, 16.0


class ScanState(NamedTuple):
    """What a scan carries from frame to frame.

    Attributes:
        context (Tensor): Input of the convolution of the last frames, (batch, d_conv -
            1, channels).
        state (Tensor): State of the heads, (batch, n_head, head_dim, d_state).
    """

    context: Tensor
    state: Tensor


class SelectiveScan(MarkedParameters):
    """The part of a Mamba-2 layer in which frames see one another.

    Dao and Gu (ICML 2024, https://arxiv.org/abs/2405.21060), section 7, with one group
    of B and C for all heads. The names of the parameters are those of
    ``transformers.models.mamba2``. dt_bias, A_log and D train without weight decay.

    Args:
        n_head (int): Number of heads.
        head_dim (int): Features of a head.
        d_state (int): Size of the state.
        d_conv (int): Frames that the convolution sees.
        dt_min (float): Smallest step length at the start, in frames.
        dt_max (float): Largest step length at the start.

    Examples:
        >>> scan = SelectiveScan(2, 8, d_state=4, d_conv=4, dt_min=0.01, dt_max=0.1)
        >>> xBC, dt = torch.randn(3, 100, 2 * 8 + 2 * 4), torch.randn(3, 100, 2)
        >>> y, _ = scan.scan(xBC, dt, scan.empty_state(xBC))
        >>> y.shape
        torch.Size([3, 100, 16])
    """

    MARKED = ("dt_bias", "A_log", "D")

    def __init__(
        self,
        n_head: int,
        head_dim: int,
        d_state: int,
        d_conv: int,
        dt_min: float,
        dt_max: float,
    ) -> None:
        super().__init__()
        self.n_head, self.head_dim, self.d_state = n_head, head_dim, d_state
        self.d_conv, self.dt_min, self.dt_max = d_conv, dt_min, dt_max
        channels = n_head * head_dim + 2 * d_state
        # Any: to mypy, the bias may be missing.
        self.conv1d: Any = nn.Conv1d(channels, channels, d_conv, groups=channels)
        self.dt_bias = nn.Parameter(torch.empty(n_head))
        self.A_log = nn.Parameter(torch.empty(n_head))
        self.D = nn.Parameter(torch.empty(n_head))
        self.reset_steps()

    @torch.no_grad()
    def reset_steps(self) -> None:
        """Draw dt, log-uniform, and A, uniform, anew; set D to 1."""
        log_dt = torch.empty_like(self.dt_bias).uniform_(
            math.log(self.dt_min), math.log(self.dt_max)
        )
        dt = log_dt.exp()
        # The inverse of softplus.
        self.dt_bias.copy_(dt + torch.log(-torch.expm1(-dt)))
        self.A_log.uniform_(A_MIN, A_MAX).log_()
        nn.init.ones_(self.D)

    @torch.no_grad()
    def start_convolution(self, rest: float) -> None:
        """Let the convolution hand on its own frame, and a little of those before.

        Args:
            rest (float): Root mean square of the weights of all earlier frames
                together.
        """
        nn.init.zeros_(self.conv1d.bias)
        nn.init.normal_(self.conv1d.weight, std=rest / max(1, self.d_conv - 1) ** 0.5)
        nn.init.ones_(self.conv1d.weight[..., -1])

    def steps(self) -> tuple[Tensor, Tensor]:
        """Return the step lengths and log decays for a dt of 0 from the input.

        Returns:
            tuple[Tensor, Tensor]: Both (n_head,).
        """
        dt = F.softplus(self.dt_bias)
        return dt, -dt * self.A_log.exp()

    def empty_state(self, xBC: Tensor) -> ScanState:
        """Return the state before the first frame.

        Args:
            xBC (Tensor): The input, (batch, length, channels).

        Returns:
            ScanState: Zeros; the heads' in float32 or wider.
        """
        wide = torch.promote_types(xBC.dtype, torch.float32)
        batch_size, _, channels = xBC.shape
        return ScanState(
            xBC.new_zeros(batch_size, self.d_conv - 1, channels),
            xBC.new_zeros(
                batch_size, self.n_head, self.head_dim, self.d_state, dtype=wide
            ),
        )

    def scan(
        self,
        xBC: Tensor,
        dt: Tensor,
        state: ScanState,
        valid: Optional[Tensor] = None,
        chunk: int = CHUNK,
    ) -> tuple[Tensor, ScanState]:
        """Process frames in float32 or wider, whatever autocast says.

        Args:
            xBC (Tensor): Input, B and C before the convolution, (batch, length, n_head
                * head_dim + 2 * d_state).
            dt (Tensor): Step lengths before softplus and bias, (batch, length, n_head).
            state (ScanState): State before the frames.
            valid (Optional[Tensor]): Which frames change the state, bool, (batch,
                length); None for all.
            chunk (int): Frames in a chunk.

        Returns:
            tuple[Tensor, ScanState]: Output, (batch, length, n_head * head_dim), and
            the state behind the frames.
        """
        with without_autocast(xBC.device):
            context = torch.cat([state.context, xBC], dim=1)
            n_features = self.n_head * self.head_dim
            convolved = depthwise_convolution(
                context.to(state.state.dtype), self.conv1d.weight, self.conv1d.bias
            )
            x, B, C = F.silu(convolved).split(
                [n_features, self.d_state, self.d_state], dim=-1
            )
            x = x.unflatten(-1, (self.n_head, self.head_dim))
            dt = F.softplus(dt.to(x.dtype) + self.dt_bias.to(x.dtype))
            if valid is not None:
                dt = dt.masked_fill(~valid.unsqueeze(-1), 0.0)
            log_decay = -dt * self.A_log.to(x.dtype).exp()
            y, behind = ssd(x * dt.unsqueeze(-1), log_decay, B, C, state.state, chunk)
            y = torch.addcmul(y, x, self.D.to(x.dtype).unsqueeze(-1)).flatten(2)
        seen = context[:, xBC.size(1) :].to(state.context.dtype)
        return y, ScanState(seen, behind)
