"""An optimizer that gives parameters the settings that they ask for.

ESPnet3 hands all parameters to the optimizer as one flat list. :func:`grouped` stands
between the two, as ``optimizer._target_`` in a ``training.yaml``.
"""

from pkgutil import resolve_name
from typing import Any, Iterable, Mapping, Union

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
    option ``lr``, a learning rate of their own. Such a rate is a share of the model's
    ``lr``: the share stays the same under every scheduler, also under those that give
    all groups one rate (:func:`hold_shares`). In an ESPnet3 ``training.yaml``:

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
    with_own_rate = [index for index, group in enumerate(filled) if "lr" in group]
    built: Optimizer = _optimizer_class(optimizer)(filled, **options)
    reference = built.param_groups[0].get("lr")
    if reference:
        rates = {index: built.param_groups[index]["lr"] for index in with_own_rate}
        hold_shares(built, {i: float(rate / reference) for i, rate in rates.items()})
    return built


def hold_shares(optimizer: Optimizer, shares: Mapping[int, float]) -> None:
    """Set the rates of some groups before every step, as shares of the first group's.

    A scheduler such as ``WarmupLR`` scales the rate of each group and leaves nothing to
    do; ``OneCycleLR``, ``CyclicLR``, ``SWALR`` and ESPnet's
    ``CosineAnnealingWarmupRestarts``, ``ExponentialDecayWarmup`` and
    ``PiecewiseLinearWarmupLR`` give all groups one rate, as does ``min_lr`` of
    ``ReduceLROnPlateau``. That rate is what a logger sees that looks between the
    scheduler's step and the optimizer's. Tried are all schedulers of ESPnet, and nearly
    all of torch.

    Args:
        optimizer (Optimizer): The optimizer. Its state dict stays as it is.
        shares (Mapping[int, float]): Shares by the index of the group.

    Examples:
        >>> import torch
        >>> weights = [{"params": [torch.zeros(1)]}, {"params": [torch.zeros(1)]}]
        >>> optimizer = torch.optim.SGD(weights, lr=1.0)
        >>> hold_shares(optimizer, {1: 0.5})
        >>> optimizer.step()
        >>> [group["lr"] for group in optimizer.param_groups]
        [1.0, 0.5]
    """

    def set_rates(
        optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        groups = optimizer.param_groups
        for index, share in shares.items():
            groups[index]["lr"] = groups[0]["lr"] * share

    if shares:
        optimizer.register_step_pre_hook(set_rates)


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
