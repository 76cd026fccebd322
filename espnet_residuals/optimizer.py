"""An optimizer that gives parameters the settings that they ask for.

ESPnet3 hands all parameters to the optimizer as one flat list. :func:`grouped` stands
between the two, as ``optimizer._target_`` in a ``training.yaml``.
"""

from pkgutil import resolve_name
from typing import Any, Iterable, Union

from torch import Tensor
from torch.optim import Optimizer

from espnet_residuals.config import ConfigError, check_number

# Options that are often written as 1e-3, which YAML 1.1 reads as text.
SMALL_NUMBERS = ("lr", "weight_decay", "eps")


def grouped(
    params: Iterable[Tensor],
    optimizer: Union[str, type[Optimizer]] = "torch.optim.AdamW",
    **options: Any,
) -> Optimizer:
    """Build an optimizer with one group for each distinct setting of the parameters.

    A parameter asks for settings by an attribute ``_optim``, as those of
    :class:`~espnet_residuals.ssm.S4DKernel` do: no weight decay and, with the layer's
    option ``lr``, a learning rate of their own. A scheduler such as ESPnet's
    ``WarmupLR`` scales the rate of each group. In an ESPnet3 ``training.yaml``:

    .. code-block:: yaml

        optimizer:
          _target_: espnet_residuals.optimizer.grouped
          optimizer: torch.optim.AdamW
          lr: 0.002
          weight_decay: 0.01

    Args:
        params (Iterable[Tensor]): All parameters.
        optimizer (Union[str, type[Optimizer]]): The optimizer's class, or its dotted
            name.
        **options (Any): Options of that class, for the parameters that do not set
            their own.

    Returns:
        Optimizer: The optimizer. The first group holds the parameters that ask for
        nothing, if there are any; the others stand in the order of ``params``.

    Raises:
        ConfigError: If ``optimizer`` is no optimizer, or a number is none.
        TypeError: If ``params`` holds anything but tensors, such as groups or pairs
            with names.

    Examples:
        >>> from espnet_residuals import S4D
        >>> layer = S4D(d_model=8, lr=0.001)
        >>> optimizer = grouped(layer.parameters(), lr="1e-2", weight_decay=0.1)
        >>> for group in optimizer.param_groups:
        ...     print(len(group["params"]), group["lr"], group["weight_decay"])
        4 0.01 0.1
        4 0.001 0.0
    """
    for name in SMALL_NUMBERS:
        if isinstance(options.get(name), str):
            options[name] = check_number(f"optimizer.{name}", options[name])
    groups: dict[tuple[Any, ...], dict[str, Any]] = {(): {"params": []}}
    for parameter in params:
        if not isinstance(parameter, Tensor):
            raise TypeError(
                "grouped makes the groups itself and takes tensors, as of "
                f"model.parameters(), got {type(parameter).__name__}"
            )
        settings = getattr(parameter, "_optim", {})
        group = groups.setdefault(
            tuple(sorted(settings.items())), {"params": [], **settings}
        )
        group["params"].append(parameter)
    filled = [group for group in groups.values() if group["params"]]
    return _optimizer_class(optimizer)(filled, **options)


def _optimizer_class(optimizer: Any) -> Any:
    found = optimizer
    if isinstance(optimizer, str):
        try:
            found = resolve_name(optimizer)
        except (AttributeError, ImportError, ValueError):
            found = None
    if not (isinstance(found, type) and issubclass(found, Optimizer)):
        raise ConfigError(
            "optimizer.optimizer",
            "must be the dotted name of a class derived from torch.optim.Optimizer, "
            f"such as torch.optim.AdamW, got {optimizer!r}",
        )
    return found
