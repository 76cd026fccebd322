"""A warning where the learning rate that a layer asks for has no effect."""

import warnings
from functools import cache
from typing import Any
from weakref import WeakSet

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

_checked: WeakSet[Optimizer] = WeakSet()


@cache  # one hook, however often it is asked for
def watch_learning_rates() -> None:
    """Warn at the first step of every optimizer that overlooks a layer's ``lr``.

    A task cannot see the optimizer that ESPnet3 makes, so torch calls back from the
    optimizer's first step. The model itself stays as it is.
    """
    register_optimizer_step_pre_hook(_check_once)


def _check_once(
    optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if optimizer in _checked:
        return
    _checked.add(optimizer)
    for group in optimizer.param_groups:
        asked = {_own_rate(parameter) for parameter in group["params"]}
        actual = group.get("initial_lr", group.get("lr"))
        if actual is None:  # an optimizer without learning rates
            continue
        overlooked = sorted(asked - {None, actual})
        # A group whose parameters all ask for the same was made for them.
        if len(asked) > 1 and overlooked:
            warnings.warn(_message(overlooked, actual, optimizer), RuntimeWarning)


def _own_rate(parameter: Tensor) -> Any:
    return getattr(parameter, "_optim", {}).get("lr")


def _message(overlooked: list[float], actual: float, optimizer: Optimizer) -> str:
    cls = type(optimizer)
    return (
        f"the option lr of a layer ({', '.join(map(str, overlooked))}) has no effect: "
        f"{cls.__name__} trains the layer at {actual}, like the rest of the model. In "
        "an ESPnet3 YAML, write `_target_: espnet_residuals.optimizer.grouped` and "
        f"`optimizer: {cls.__module__}.{cls.__qualname__}` under `optimizer:`; in an "
        "ESPnet2 YAML, write `exclude_weight_decay: true`; or remove lr from the layer."
    )
