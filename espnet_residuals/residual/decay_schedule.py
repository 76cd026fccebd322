"""Decaying residual connection that goes from one given weight to another."""

import math
from typing import Optional

from espnet_residuals.config import (
    ConfigError,
    check_choice,
    check_flag,
    check_integer,
    check_number,
)
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.decay import kept_weight
from espnet_residuals.residual.registration import register_residual

SHAPES = ("linear", "cosine", "geometric")


@register_residual("decay_schedule")
class DecaySchedule(Residual):
    r"""Decay between two given weights: :math:`\alpha x + \beta_i y`.

    Where ``decay`` fixes :math:`\beta_i` by the index alone, here it goes from
    ``first`` at the first sublayer to ``last`` at the last, whatever the depth. With
    :math:`t = (i - 1) / (L - 1)`, :math:`a` = ``first`` and :math:`b` = ``last``,

    .. math::
        \beta_i = a + (b - a)\, t \ \text{(linear)}, \quad
        a + (b - a) (1 - \cos \pi t) / 2 \ \text{(cosine)}, \quad
        a\, (b / a)^t \ \text{(geometric)},

    and :math:`\alpha` is that of ``decay``: :math:`\sqrt{1 - \beta_i^2}` with ``l2``,
    else :math:`1 - \beta_i`. It is ``decay`` with both ends in view, and no paper's.
    With ``l2``, parts of variance 1 keep variance 1 all the way, and of the output
    sublayer :math:`i` has the share :math:`\beta_i^2 \prod_{j > i} (1 - \beta_j^2)`.

    Args:
        i_layer (int): Index of the sublayer in the stack, counted from 1.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``.
        first (float): Beta of the first sublayer, 0 < first <= 1.
        last (float): Beta of the last sublayer, 0 < last <= 1.
        shape (str): ``linear``, ``cosine`` or ``geometric``.
        l2 (bool): Keep the variance (True) or the mean (False).
        n_layers (Optional[int]): Number of sublayers in the stack; must be given.

    Raises:
        ValueError: If an option is out of range, ``n_layers`` is missing or less than
            ``i_layer``, or ``d_input`` is not ``d_model`` where ``x`` is kept.

    Examples:
        >>> stack = [DecaySchedule(i, 8, 8, n_layers=5) for i in range(1, 6)]
        >>> [round(residual.beta, 3) for residual in stack]
        [0.5, 0.4, 0.3, 0.2, 0.1]
    """

    def __init__(
        self,
        i_layer: int,
        d_input: int,
        d_model: int,
        *,
        first: float = 0.5,
        last: float = 0.1,
        shape: str = "linear",
        l2: bool = True,
        n_layers: Optional[int] = None,
    ) -> None:
        check_integer("i_layer", i_layer, minimum=1)
        first = check_number("first", first, above=0, maximum=1)
        last = check_number("last", last, above=0, maximum=1)
        check_choice("shape", shape, SHAPES)
        check_flag("l2", l2)
        n_layers = check_integer("n_layers", n_layers, minimum=1)
        if i_layer > n_layers:
            raise ConfigError(
                "n_layers", f"must be >= i_layer={i_layer}, got {n_layers}"
            )
        time = (i_layer - 1) / max(n_layers - 1, 1)
        beta = _between(first, last, shape, time)
        super().__init__(i_layer, d_input, d_model, kept_weight(beta, l2), beta)
        self.first = first
        self.last = last
        self.shape = shape
        self.l2 = l2

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"{super().extra_repr()}, first={self.first:.4g}, last={self.last:.4g}, "
            f"shape={self.shape}, l2={self.l2}"
        )


def _between(first: float, last: float, shape: str, time: float) -> float:
    """Return the weight at a time from 0 to 1."""
    if shape == "geometric":
        return first * (last / first) ** time
    if shape == "cosine":
        time = (1.0 - math.cos(math.pi * time)) / 2.0
    return first + (last - first) * time
