"""The dtype for what a few digits of float32 would not hold."""

import torch


def widest_dtype(device: torch.device) -> torch.dtype:
    """Return float64, or float32 where the device has nothing wider, as MPS.

    Args:
        device (torch.device): Where tensors of the dtype are to be.

    Returns:
        torch.dtype: The dtype.

    Examples:
        >>> widest_dtype(torch.device("cpu")), widest_dtype(torch.device("mps"))
        (torch.float64, torch.float32)
    """
    return torch.float32 if device.type == "mps" else torch.float64
