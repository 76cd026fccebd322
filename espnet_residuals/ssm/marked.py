"""Parameters that ask the optimizer for settings of their own, and go on asking."""

from typing import Any, Callable, ClassVar

from torch import Tensor, nn


class MarkedParameters(nn.Module):
    """Module some of whose parameters train without weight decay.

    The settings are the attribute ``_optim`` of a parameter, which ESPnet2 reads where
    ``exclude_weight_decay`` is set and :func:`espnet_residuals.optimizer.grouped`
    always. Wherever torch makes new parameters, it makes them without their
    attributes, so they are marked again there.

    Attributes:
        MARKED (tuple[str, ...]): Names of the parameters.

    Examples:
        >>> import torch
        >>> class Scale(MarkedParameters):
        ...     MARKED = ("scale",)
        ...
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.scale = nn.Parameter(torch.ones(8))
        >>> Scale().double().scale._optim
        {'weight_decay': 0.0}
    """

    MARKED: ClassVar[tuple[str, ...]] = ()

    def optimizer_settings(self) -> dict[str, float]:
        """Return what the marked parameters ask for.

        Returns:
            dict[str, float]: Options of a parameter group.
        """
        return {"weight_decay": 0.0}

    def _mark_for_optimizer(self) -> None:
        # Names of pruned and parametrised parameters have more behind or before them.
        for name, parameter in self.named_parameters():
            if name.removeprefix("parametrizations.").startswith(self.MARKED):
                self._mark(parameter)

    def _mark(self, parameter: nn.Parameter) -> None:
        setattr(parameter, "_optim", self.optimizer_settings())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Mark the parameters of a copy."""
        super().__setstate__(state)
        self._mark_for_optimizer()

    def __setattr__(self, name: str, value: Any) -> None:
        """Mark a parameter that is put in the place of one, as FSDP2 does."""
        super().__setattr__(name, value)
        if name in self.MARKED and isinstance(value, nn.Parameter):
            self._mark(value)

    def _apply(
        self, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> "MarkedParameters":
        """Mark the parameters that moving or casting makes."""
        super()._apply(fn, recurse)
        self._mark_for_optimizer()
        return self

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        """Mark the parameters that loading with ``assign=True`` puts here."""
        super()._load_from_state_dict(*args, **kwargs)
        self._mark_for_optimizer()
