"""A start with which a gated layer hands most of a frame on as it is."""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.start import orthogonal_
from espnet_residuals.start.series import ORDER, correlation_series

# Of a gate with its value: half of the gate's power is that of its value.
GATE_CORRELATION = math.sqrt(0.5)


@torch.no_grad()
def start_values_and_gates_(values: Tensor, gates: Tensor) -> None:
    """Fill the maps to values and gates, so that input of power 1 gives power 1.

    Hidden features come in pairs with opposite weights (Balduzzi et al., ICML 2017,
    https://arxiv.org/abs/1702.08591), and a gate shares half of its power with its
    value. So what is even in silu(value) silu(gate) cancels where the difference of a
    pair is taken, and about two thirds of the power of the rest is linear in the input;
    with independent maps it is a tenth.

    Args:
        values (Tensor): Map to the values, (hidden, d_model); changed in place.
        gates (Tensor): Map to the gates, (hidden, d_model); changed in place.

    Examples:
        >>> values, gates = torch.empty(2, 16, 8)
        >>> start_values_and_gates_(values, gates)
        >>> torch.equal(values[:8], -values[8:])
        True
    """
    hidden, d_model = values.shape
    value, own = (values.new_empty(-(-hidden // 2), d_model) for _ in range(2))
    orthogonal_(value, 1.0)
    orthogonal_(own, math.sqrt(1 - GATE_CORRELATION**2))
    gate = GATE_CORRELATION * value + own
    values.copy_(torch.cat([value, -value])[:hidden])
    gates.copy_(torch.cat([gate, -gate])[:hidden])


@torch.no_grad()
def start_output_(weight: Tensor, gain: float) -> None:
    """Fill the map that takes the differences of the pairs, behind gate and norm.

    Args:
        weight (Tensor): The map, (d_model, hidden); changed in place.
        gain (float): Root mean square of the output.

    Examples:
        >>> weight = torch.empty(8, 16)
        >>> start_output_(weight, gain=1.0)
        >>> torch.equal(weight[:, :8], -weight[:, 8:])
        True
    """
    d_model, hidden = weight.shape
    half = weight.new_empty(d_model, -(-hidden // 2))
    orthogonal_(half, gain / _rms_of_difference())
    weight.copy_(torch.cat([half, -half], dim=1)[:, :hidden])


@cache
def _rms_of_difference() -> float:
    """Return the root mean square of the difference of a pair.

    With the value x and the gate z, f = silu(x) silu(z) and f' the same of -x and -z,
    the norm makes E f^2 = E f'^2 to 1 and leaves E (f - f')^2 = 2 - 2 E f f'.
    """
    shared = torch.from_numpy(GATE_CORRELATION ** np.arange(ORDER + 1))
    square = shared @ correlation_series(lambda x: F.silu(x).square())
    product = shared @ correlation_series(lambda x: F.silu(x) * F.silu(-x))
    return math.sqrt(2 - 2 * float(product / square))
