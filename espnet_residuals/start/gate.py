"""The power that a gated linear unit leaves at the start."""

import torch

from espnet_residuals.start.power import power


def gate_power(input_power: float) -> float:
    """Return the power of the gate of a gated linear unit.

    The gate is the sigmoid of a map that keeps torch's start: weights of variance
    1 / (3 d_model). What the unit gives has the power of its values times this.

    Args:
        input_power (float): Power (mean square) of what the map takes.

    Returns:
        float: The power; 1 / 4 for a gate that is always half open.

    Examples:
        >>> [round(gate_power(input_power), 3) for input_power in (0.0, 1.0)]
        [0.25, 0.268]
    """
    return power(torch.sigmoid, variance=input_power / 3)
