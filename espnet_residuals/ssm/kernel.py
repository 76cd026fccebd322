"""The parameters of S4D and the convolution kernel that they stand for."""

import math
from typing import Any, Callable, Optional, Union

import torch
from torch import Tensor, nn

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_integer,
    check_number,
)
from espnet_residuals.nn.transformed import is_transformed
from espnet_residuals.ssm.cache import ParameterCache
from espnet_residuals.ssm.discretization import DISCRETIZATIONS, Step, discretize
from espnet_residuals.ssm.kernel_gain import kernel_power
from espnet_residuals.ssm.marked import MarkedParameters
from espnet_residuals.ssm.recurrence import Recurrence
from espnet_residuals.ssm.spectrum import check_spectrum, initial_frequencies
from espnet_residuals.ssm.vandermonde import power_sums, whole_blocks
from espnet_residuals.ssm.widest import widest_dtype

# Of neighbouring frames behind LayerNorm, about, for features with a shift of 10 to
# 20 ms. The gain of the kernels is set for such input.
CORRELATION = 0.9
# Bytes of a kernel that is remembered: 4096 frames of 256 features, both ways.
MOST_REMEMBERED = 8 * 2**20
NO_TORCHSCRIPT = (
    "TorchScript (torch.jit.trace, torch.jit.script, torch.onnx.export with "
    "dynamo=False, graphs in TensorBoard) cannot hold an s4d layer, whose kernel is as "
    "long as its input; use torch.export.export, or torch.onnx.export with dynamo=True"
)


class S4DKernel(MarkedParameters):
    r"""Convolution kernels of independent diagonal state-space models.

    .. math::
        K_l = 2 \Re \sum_n C_n g_n B_n \bar A_n^l, \qquad A = -e^{a} + i b,

    after Gu et al., "On the Parameterization and Initialization of Diagonal State
    Space Models" (NeurIPS 2022, https://arxiv.org/abs/2206.11893). Only one of each
    conjugate pair is stored. Complex parameters are real tensors with a last
    dimension of 2, so that checkpoints can be averaged and gradients reduced like any
    others.

    dt, A and B train without weight decay and, with ``lr``, at their own learning
    rate: the attribute ``_optim`` of the parameters, which ESPnet2 reads where
    ``exclude_weight_decay`` is set.

    Args:
        d_model (int): Number of features, each with a model of its own.
        d_state (int): Size of the state, even; ``d_state / 2`` conjugate pairs.
        channels (int): Number of kernels per feature, with C of their own.
        init (str): Start of A: ``lin``, ``inv`` or ``legs`` (d_state <= 2048).
        discretization (str): ``zoh`` or ``bilinear``.
        dt_min (float): Smallest step length at the start, in frames.
        dt_max (float): Largest step length at the start.
        lr (Union[float, str, None]): Learning rate of dt, A and B, also as text such
            as ``1e-3``; None for the model's own.
        gain (Optional[float]): Root mean square of what all kernels of a feature give
            together at the start, for input of root mean square 1 and correlation
            ``CORRELATION``; None for C of variance 1, whatever comes of it.
        device (Any): Device of the parameters.
        dtype (Any): Dtype of the parameters.

    Raises:
        ValueError: If an option is out of range.

    Examples:
        >>> kernel = S4DKernel(d_model=8, d_state=4)
        >>> kernel(100).shape
        torch.Size([1, 8, 128])
    """

    MARKED = ("log_dt", "log_A_real", "A_imag", "B")

    def __init__(
        self,
        d_model: int,
        d_state: int = 64,
        channels: int = 1,
        init: str = "lin",
        discretization: str = "zoh",
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        lr: Union[float, str, None] = None,
        gain: Optional[float] = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_integer("d_state", d_state, minimum=2)
        if d_state % 2:
            raise ConfigError("d_state", f"must be even, got {d_state}")
        self.d_model = check_integer("d_model", d_model, minimum=1)
        self.d_state = d_state
        self.channels = check_integer("channels", channels, minimum=1)
        check_spectrum(init, d_state)
        self.init = init
        self.discretization = check_choice(
            "discretization", discretization, DISCRETIZATIONS
        )
        self.dt_min = check_number("dt_min", dt_min, above=0)
        self.dt_max = check_number("dt_max", dt_max, minimum=self.dt_min)
        self.lr = None if lr is None else check_number("lr", lr, minimum=0)
        self.gain = None if gain is None else check_number("gain", gain, minimum=0)

        def parameter(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(*shape, device=device, dtype=dtype))

        n_pairs = d_state // 2
        self.log_dt = parameter(d_model)
        self.log_A_real = parameter(d_model, n_pairs)
        self.A_imag = parameter(d_model, n_pairs)
        self.B = parameter(d_model, n_pairs, 2)
        self.C = parameter(channels, d_model, n_pairs, 2)
        self._kernel_cache = ParameterCache()
        self._recurrence_cache = ParameterCache()
        self.reset_parameters()

    def optimizer_settings(self) -> dict[str, float]:
        """Return what dt, A and B ask the optimizer for.

        Returns:
            dict[str, float]: Options of a parameter group.
        """
        own_rate = {} if self.lr is None else {"lr": self.lr}
        return {**super().optimizer_settings(), **own_rate}

    def _apply(
        self, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> "S4DKernel":
        """Move the parameters, but keep their precision when a model goes to half.

        In bfloat16 the frequencies of A would be off by up to 0.4 %, and the output by
        a fifth.
        """

        def move(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            half = moved.dtype in (torch.float16, torch.bfloat16)
            is_cast = half and moved.dtype != tensor.dtype
            return tensor.to(moved.device) if is_cast else moved

        super()._apply(move, recurse)
        return self

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw dt and C at random; set A and B to where theory puts them."""
        frequencies = initial_frequencies(self.init, self.d_state)
        self.log_dt.uniform_(math.log(self.dt_min), math.log(self.dt_max))
        self.log_A_real.fill_(math.log(0.5))
        self.A_imag.copy_(torch.tensor(frequencies, device=self.A_imag.device))
        self.B[..., 0] = 1.0
        self.B[..., 1] = 0.0
        self.C.normal_(std=math.sqrt(0.5))
        if self.gain is not None:
            self.C.mul_(self._scale_of_C(self.gain))

    def _scale_of_C(self, gain: float) -> Tensor:
        """Return the factor that gives every feature the same gain, (d_model, 1, 1)."""
        step = self._step()
        B = torch.view_as_complex(self.B.to(step.angle.dtype).contiguous())
        power = self.channels * kernel_power(step, B, CORRELATION)
        scale = gain / power.sqrt()
        # With a dt beyond all use the power may be 0 or none; C stays as it is then.
        return scale.where(scale.isfinite(), 1.0).to(self.C.dtype)[:, None, None]

    def espnet_initialization_fn(self) -> None:
        """Restore the initialisation after ESPnet's ``init:`` has overwritten it."""
        self.reset_parameters()

    def forward(self, length: int) -> Tensor:
        """Compute the kernels; without gradients, remember them unless they are large.

        Args:
            length (int): Number of values needed.

        Returns:
            Tensor: Kernels, (channels, d_model, length rounded up to whole blocks), in
            float32 or, for float64 parameters, float64.

        Raises:
            RuntimeError: If TorchScript traces the call.
        """
        if torch.jit.is_tracing():
            raise RuntimeError(NO_TORCHSCRIPT)
        size = whole_blocks(length)
        if not self._may_remember() or self._n_bytes(int(size)) > MOST_REMEMBERED:
            return self._kernels(size)
        kernels: Tensor = self._kernel_cache.get(
            self._values(),
            lambda: self._kernels(size),
            lambda kernels: kernels.size(-1) >= size,
        )
        return kernels[..., :size]

    def __prepare_scriptable__(self) -> "S4DKernel":
        raise RuntimeError(NO_TORCHSCRIPT)

    def recurrence(self) -> Recurrence:
        """Compute the recurrence of the first channel; without gradients, remember it.

        Returns:
            Recurrence: Its tables, in float32 or, for float64 parameters, float64.
        """
        if not self._may_remember():
            return self._recurrence()
        recurrence: Recurrence = self._recurrence_cache.get(
            self._values(), self._recurrence
        )
        return recurrence

    def _may_remember(self) -> bool:
        return not (
            torch.is_grad_enabled() or is_transformed() or self.C.device.type == "meta"
        )

    def _values(self) -> list[Tensor]:
        """Return what is computed with, which masks and parametrisations change."""
        return [self.log_dt, self.log_A_real, self.A_imag, self.B, self.C]

    def _n_bytes(self, size: int) -> int:
        return self.channels * self.d_model * size * self._dtype().itemsize

    def _dtype(self) -> torch.dtype:
        return torch.promote_types(self.C.dtype, torch.float32)

    def _kernels(self, size: Union[int, torch.SymInt]) -> Tensor:
        step, dtype = self._step(), self._dtype()
        c_real, c_imag = self._weights(step)
        return power_sums(
            c_real.to(dtype), c_imag.to(dtype), step.log_abs, step.angle, size
        )

    def _recurrence(self) -> Recurrence:
        step = self._step()
        c_real, c_imag = self._weights(step)
        return Recurrence(step, c_real[0], c_imag[0], self._dtype())

    def _weights(self, step: Step) -> tuple[Tensor, Tensor]:
        """Return real and imaginary parts of C g B, (channels, d_model, n_pairs)."""
        g_real, g_imag = step.gain_real, step.gain_imag
        B_real, B_imag = self.B.to(g_real.dtype).unbind(-1)
        C_real, C_imag = self.C.to(g_real.dtype).unbind(-1)
        in_real = g_real * B_real - g_imag * B_imag
        in_imag = g_real * B_imag + g_imag * B_real
        return C_real * in_real - C_imag * in_imag, C_real * in_imag + C_imag * in_real

    def _step(self) -> Step:
        """Discretise in float64, where the device has it."""
        wide = widest_dtype(self.log_dt.device)
        return discretize(
            -self.log_A_real.to(wide).exp(),
            self.A_imag.to(wide),
            self.log_dt.to(wide).exp().unsqueeze(-1),
            self.discretization,
        )

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"d_model={self.d_model}, d_state={self.d_state}, "
            f"channels={self.channels}, init={self.init}, "
            f"discretization={self.discretization}, lr={self.lr}"
        )
