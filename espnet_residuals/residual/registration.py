"""The names of the residual functions, and how to add one's own."""

import inspect
from typing import Callable

from torch import nn

from espnet_residuals.config import Registry, check_method
from espnet_residuals.config.registry import C
from espnet_residuals.residual.base import Residual


def _check_interface(cls: type) -> None:
    """Refuse a class that cannot stand in a residual block.

    Args:
        cls (type): What was registered.

    Raises:
        TypeError: If it is no module, or lacks part of the interface.
    """
    hint = "; subclass espnet_residuals.residual.Residual to get the interface"
    name = getattr(cls, "__name__", repr(cls))
    if not (inspect.isclass(cls) and issubclass(cls, nn.Module)):
        raise TypeError(f"{name} is not a class derived from torch.nn.Module{hint}")
    if not hasattr(cls, "d_output"):
        raise TypeError(f"{name} has no property d_output{hint}")
    check_method(cls, "__init__", ("i_layer", "d_input", "d_model"), hint)
    check_method(cls, "forward", ("x", "y", "transposed"), hint)


registry = Registry("residual", _check_interface, "espnet_residuals.residual")


def register_residual(*names: str) -> Callable[[C], C]:
    """Return a decorator that makes a residual function of one's own known by name.

    Args:
        *names (str): The name for the YAML, and aliases.

    Returns:
        Callable[[type], type]: The decorator; it returns the class unchanged.

    Raises:
        ValueError: If a name is reserved or taken by another class.
        TypeError: If the class lacks part of the interface of :class:`Residual`.

    Examples:
        >>> @register_residual("halving")
        ... class Halving(Residual):
        ...     def __init__(self, i_layer, d_input, d_model):
        ...         super().__init__(i_layer, d_input, d_model, beta=0.5**i_layer)
        >>> registry["halving"](i_layer=2, d_input=8, d_model=8).beta
        0.25
        >>> del registry["halving"]
    """
    return registry.register(*names)


register_residual("residual", "R")(Residual)
