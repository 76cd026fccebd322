"""The learning rate that a layer asks for: held, or a warning that it has no effect."""

import warnings
from functools import cache
from typing import Any
from weakref import WeakSet

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from espnet_residuals.optimizer import hold_shares

_checked: WeakSet[Optimizer] = WeakSet()


@cache  # one hook, however often it is asked for
def watch_learning_rates() -> None:
    """Look at every optimizer, at its first step, for a layer's ``lr``.

    One that overlooks it warns. One with a group for it, as ESPnet2 makes with
    ``exclude_weight_decay``, keeps the group's share of the model's rate from then on,
    whatever the scheduler does. A task cannot see the optimizer that ESPnet3 makes, so
    torch calls back from the optimizer's first step. The model itself stays as it is.
    """
    register_optimizer_step_pre_hook(_check_once)


def _check_once(
    optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    if optimizer in _checked:
        return
    _checked.add(optimizer)
    for group in optimizer.param_groups:
        asked, actual = _rates_asked(group), _initial_rate(group)
        if actual is None:  # an optimizer without learning rates
            continue
        overlooked = sorted(asked - {None, actual})
        # A group whose parameters all ask for the same was made for them.
        if len(asked) > 1 and overlooked:
            warnings.warn(_message(overlooked, actual, optimizer), RuntimeWarning)
    hold_shares(optimizer, _shares(optimizer))


def _shares(optimizer: Optimizer) -> dict[int, float]:
    """Return the shares of the groups that were made for parameters with own rates."""
    first, *others = optimizer.param_groups
    general = optimizer.defaults.get("lr")  # schedulers change that of the groups
    is_number = isinstance(general, (float, int))
    if not (is_number and general) or _rates_asked(first) != {None}:
        return {}
    shares = {}
    for index, group in enumerate(others, start=1):
        asked, actual = _rates_asked(group), _initial_rate(group)
        # A scheduler that gives all groups one rate has done so before the first step.
        if len(asked) == 1 and None not in asked:
            if actual in (*asked, _initial_rate(first)):
                shares[index] = float(asked.pop() / general)
    return shares


def _rates_asked(group: dict[str, Any]) -> set[Any]:
    return {_own_rate(parameter) for parameter in group["params"]}


def _initial_rate(group: dict[str, Any]) -> Any:
    return group.get("initial_lr", group.get("lr"))


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
