"""Residual connection that chooses between input and branch, feature by feature."""

from typing import Any, Callable, Optional

import torch
from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_number
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual
from espnet_residuals.residual.scale_features import scale_features


@register_residual("bypass")
class Bypass(Residual):
    r"""Learned interpolation of every feature: :math:`(1 - c) \odot x + c \odot y`.

    The bypass of Yao et al., "Zipformer: A faster and better encoder for automatic
    speech recognition" (ICLR 2024, https://arxiv.org/abs/2310.11230). Every :math:`c`
    is a parameter that starts at ``start`` and is held between a floor and 1. The floor
    falls linearly from ``floor_first`` to ``floor_last`` over the first ``steps``
    passes in training, so that at first every sublayer has to learn something. The
    numbers are those of the authors' code. In Zipformer :math:`y` comes from modules
    with residual connections of their own; here it is the branch alone, so that the
    first sublayers pass on little of the input.

    A parameter outside its range still gets the gradient that brings it back, and none
    that drives it on. The authors' code computes with such a parameter as it is, at
    first 0.5, and in 60 % of the passes turns the gradient round that drives it on;
    here :math:`c` is in its range from the first pass. Branch and input of variance 1
    give the variance :math:`(1 - c)^2 + c^2`.

    The passes are counted in a buffer of float32: it resumes with a checkpoint, and
    where ESPnet averages checkpoints it is averaged too, while integers would be added
    up. A pass is one call in training, so that gradient accumulation counts more than
    one for an update. What activation checkpointing computes again in the backward pass
    is no new pass, and takes the floor of the last one. Functions of ``torch.func``
    have no side effects, so that they count nothing.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, not used.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        start (float): All of c at the start, before the floor, 0 < start <= 1.
        floor_first (float): Smallest c at the start of training, 0 <= floor_first <= 1.
        floor_last (float): Smallest c at the end, 0 <= floor_last <= floor_first.
        steps (float): Passes until the floor stands at its end, > 0.

    Raises:
        ValueError: If an option is out of range or ``d_input`` is not ``d_model``.

    Examples:
        >>> bypass = Bypass(i_layer=1, d_input=1, d_model=1)
        >>> bypass.eval()(torch.tensor([0.0]), torch.tensor([1.0]))
        tensor([0.9000], grad_fn=...)
    """

    passes: Tensor

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        *,
        start: float = 0.5,
        floor_first: float = 0.9,
        floor_last: float = 0.2,
        steps: float = 20000,
    ) -> None:
        super().__init__(i_layer, d_input, d_model)
        self.start = check_number("start", start, above=0, maximum=1)
        self.floor_first = check_number(
            "floor_first", floor_first, minimum=0, maximum=1
        )
        self.floor_last = check_number("floor_last", floor_last, minimum=0, maximum=1)
        self.steps = check_number("steps", steps, above=0)
        if self.floor_last > self.floor_first:
            raise ConfigError(
                "floor_last",
                f"must be <= floor_first={self.floor_first:.4g}, got {floor_last!r}",
            )
        self.scale = nn.Parameter(torch.full((d_model,), self.start))
        self.register_buffer("passes", torch.zeros(()))

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Bypass":
        """Keep the count in float32: in bfloat16 it would stop at 256."""
        passes = self.passes
        super()._apply(fn, recurse)
        if self.passes.dtype in (torch.float16, torch.bfloat16):
            self.passes = passes.to(self.passes.device)
        return self

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Interpolate between ``x`` and ``y``; see :meth:`Residual.forward`."""
        self.check_shapes(x, y, transposed)
        dtype = torch.promote_types(x.dtype, y.dtype)
        wide = torch.promote_types(dtype, torch.float32)
        weight = self._weight()
        if self.training and not (_computes_again() or _has_no_side_effects()):
            self.passes.add_(1.0)
        x = x.to(wide)
        return (x + scale_features(y.to(wide) - x, weight, transposed)).to(dtype)

    def _weight(self) -> Tensor:
        """Return c, held in its range."""
        passes = self.passes
        if self.training and _computes_again():
            passes = passes - 1.0
        done = torch.clamp(passes / self.steps, max=1.0)
        floor = self.floor_first + (self.floor_last - self.floor_first) * done
        scale = self.scale.to(torch.promote_types(self.scale.dtype, torch.float32))
        if not torch.jit.is_scripting():
            if not torch.jit.is_tracing() and not torch.compiler.is_exporting():
                held: Tensor = _Hold.apply(scale, floor)
                return held
        return torch.clamp(torch.maximum(scale, floor), max=1.0)

    def learned_weights(self) -> dict[str, Tensor]:
        """Return c, held in its range, for reports on training."""
        return {"c": self._weight()}

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"i_layer={self.i_layer}, d_model={self.d_model}, start={self.start:.4g}, "
            f"floor_first={self.floor_first:.4g}, floor_last={self.floor_last:.4g}, "
            f"steps={self.steps:.4g}"
        )


def _computes_again() -> bool:
    """Return whether the call comes from a backward pass."""
    if torch.jit.is_scripting():
        return False
    elif torch.compiler.is_compiling():
        return False
    else:
        return torch._C._current_graph_task_id() != -1


def _has_no_side_effects() -> bool:
    """Return whether ``torch.func`` makes a function of the module."""
    if torch.jit.is_scripting():
        return False
    elif torch.compiler.is_compiling():
        return False
    else:
        return torch._C._are_functorch_transforms_active()


class _Hold(torch.autograd.Function):
    """Clamp to [floor, 1], with a gradient for what lies outside and would return."""

    generate_vmap_rule = True

    @staticmethod
    def forward(scale: Tensor, floor: Tensor) -> Tensor:
        return torch.clamp(torch.maximum(scale, floor), max=1.0)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        scale, floor = ctx.saved_tensors
        outward = ((scale < floor) & (gradient > 0)) | ((scale > 1) & (gradient < 0))
        return gradient.masked_fill(outward, 0.0), None
