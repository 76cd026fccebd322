"""Whether torch makes something else of the code that runs: a graph, or a function."""

import torch


def is_transformed() -> bool:
    """Return whether torch compiles, exports or transforms (``torch.func``) the code.

    Then what saves time or memory by other means than plain operations is left out:
    gradients written by hand, checkpoints, and whatever depends on values.

    Returns:
        bool: Whether it does.

    Examples:
        >>> is_transformed()
        False
        >>> torch.vmap(lambda x: x if is_transformed() else -x)(torch.ones(2))
        tensor([1., 1.])
    """
    return torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
