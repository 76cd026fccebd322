"""Check that a class of somebody else can be called as this package will call it."""

import inspect
from typing import Any

from torch import nn


def check_method(
    cls: Any, method: str, arguments: tuple[str, ...], hint: str = ""
) -> None:
    """Refuse a module class whose method does not take the arguments.

    Args:
        cls (Any): The class.
        method (str): ``__init__``, which may need more arguments than these, or
            another method, which must not.
        arguments (tuple[str, ...]): Names of the positional arguments.
        hint (str): What to do about it, appended to the message.

    Raises:
        TypeError: If the method is missing or has another signature.

    Examples:
        >>> check_method(nn.Identity, "forward", ("input",))
        >>> check_method(nn.Identity, "forward", ("x", "y"))
        Traceback (most recent call last):
            ...
        TypeError: Identity.forward must take (x, y), but its signature is \
(self, input: torch.Tensor) -> torch.Tensor
    """
    wanted = f"{cls.__name__}.{method} must take ({', '.join(arguments)})"
    function = getattr(cls, method)
    if function is getattr(nn.Module, method):
        raise TypeError(f"{wanted}, but {cls.__name__} defines none{hint}")
    signature = inspect.signature(function)
    bind = signature.bind_partial if method == "__init__" else signature.bind
    try:
        bind("self", *arguments)
    except TypeError:
        raise TypeError(f"{wanted}, but its signature is {signature}{hint}") from None
