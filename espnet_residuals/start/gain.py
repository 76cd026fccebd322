"""The size that a branch starts with, and what sees other frames beside it."""

from typing import Optional

from espnet_residuals.config import check_number

# Of what a frame takes from others, beside the direct path, in root mean squares.
KERNEL_GAIN = 0.1

# Beside a branch so large nothing is left of the stream. Far beyond, the squares that
# the norms sum up overflow.
LARGEST = 100


def check_start_gain(start_gain: Optional[float]) -> Optional[float]:
    """Return the option ``start_gain`` of a layer if it is valid.

    Args:
        start_gain (Optional[float]): What was configured.

    Returns:
        Optional[float]: A number from 0 to 100, or None.

    Raises:
        ConfigError: If it is neither.

    Examples:
        >>> check_start_gain("5e-1"), check_start_gain(None)
        (0.5, None)
    """
    if start_gain is None:
        return None
    return check_number("start_gain", start_gain, minimum=0, maximum=LARGEST)
