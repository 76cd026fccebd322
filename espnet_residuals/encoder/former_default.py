"""The block that ``encoder: s4`` had before convolution joined its default."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

FORMER_BLOCK: tuple[Mapping[str, Any], ...] = (
    {"_name_": "s4d", "bidirectional": True},
    {"_name_": "ff"},
)


def is_former_default(
    state_dict: Mapping[str, Tensor], prefix: str, num_blocks: int
) -> bool:
    """Return whether parameters are those of a stack of ``FORMER_BLOCK``.

    Args:
        state_dict (Mapping[str, Tensor]): What is to be loaded, by name.
        prefix (str): What the names of the stack's parameters begin with.
        num_blocks (int): Number of blocks of the encoder that loads them.

    Returns:
        bool: Whether it has two sublayers for each block, the first of each with a
        state space and the second without.

    Examples:
        >>> from espnet_residuals.encoder.stack import ResidualStack
        >>> states = [
        ...     ResidualStack(8, num_blocks=3, layer=layer).state_dict()
        ...     for layer in (FORMER_BLOCK, ["s4d", "conv", "ff"], ["s4d", "s4d"])
        ... ]
        >>> [is_former_default(state, "", num_blocks=3) for state in states]
        [True, False, False]
    """
    start = f"{prefix}sublayers."
    indices = {
        int(name.removeprefix(start).split(".")[0])
        for name in state_dict
        if name.startswith(start)
    }
    with_kernel = {i for i in indices if f"{start}{i}.layer.kernel.C" in state_dict}
    n_layers = len(FORMER_BLOCK) * num_blocks
    return indices == set(range(n_layers)) and with_kernel == set(range(0, n_layers, 2))
