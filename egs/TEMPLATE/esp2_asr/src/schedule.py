"""A learning rate that rises, then falls to zero at the last step."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def rise_and_fall(
    optimizer: Optimizer, warmup_steps: int, total_steps: int
) -> LambdaLR:
    """Return a scheduler that scales the rate of each parameter group.

    In both parts the rate changes by the same amount at each step. With ESPnet's
    ``WarmupLR`` it falls with the square root of the step and is still high when a
    training as short as this one ends.

    Args:
        optimizer: Its rates are reached after ``warmup_steps``.
        warmup_steps: Steps of the rise.
        total_steps: Steps of the training; epochs times batches.

    Examples:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        >>> scheduler = rise_and_fall(optimizer, warmup_steps=2, total_steps=6)
        >>> for _ in range(6):
        ...     print(round(scheduler.get_last_lr()[0], 3))
        ...     optimizer.step()
        ...     scheduler.step()
        0.05
        0.1
        0.1
        0.075
        0.05
        0.025
    """

    def factor(step: int) -> float:
        rise = (step + 1) / warmup_steps
        fall = (total_steps - step) / (total_steps - warmup_steps)
        return max(0.0, min(1.0, rise, fall))

    return LambdaLR(optimizer, factor)
