"""The names of the layers that a block can be made of."""

import inspect
from typing import Any, Callable, Mapping, Optional, Union

from torch import nn

from espnet_residuals.config import Registry, build_from_config, check_method
from espnet_residuals.config.registry import C
from espnet_residuals.layers.attention import SelfAttention
from espnet_residuals.layers.convolution import ConvolutionModule
from espnet_residuals.layers.espnet_s4 import EspnetS4
from espnet_residuals.layers.feed_forward import FeedForward
from espnet_residuals.ssm import S4D, Mamba2

LayerConfig = Union[str, Mapping[str, Any], type]

# What a sublayer's mapping may say beside the options of its layer.
BLOCK_OPTIONS = ("residual", "scale")


def _check_interface(cls: type) -> None:
    """Refuse a class that cannot stand in a block.

    Args:
        cls (type): What was registered.

    Raises:
        TypeError: If it is no module, cannot be called as a layer is, or has an option
            that a block reads itself.
    """
    name = getattr(cls, "__name__", repr(cls))
    if not (inspect.isclass(cls) and issubclass(cls, nn.Module)):
        raise TypeError(f"{name} is not a class derived from torch.nn.Module")
    check_method(cls, "__init__", ("d_model",))
    check_method(cls, "forward", ("x", "lengths"))
    for option in BLOCK_OPTIONS:
        if option in inspect.signature(cls).parameters:
            raise TypeError(
                f"{name} has an option {option!r}, which a block keeps for itself; "
                "call it something else"
            )


layer_registry = Registry("layer", _check_interface, "espnet_residuals.layer")


def register_layer(*names: str) -> Callable[[C], C]:
    """Return a decorator that makes a layer of one's own known by name.

    A layer is a module built from ``d_model`` and options, with ``forward(x, lengths)``
    from and to (batch, length, d_model). Where its constructor declares ``dropout`` or
    ``start_gain``, the encoder hands over its own; :mod:`espnet_residuals.start` says
    how large ``start_gain`` asks the output to be. To stream it needs two more:
    ``default_state(batch_size, device, dtype)`` returns the state before the first
    frame, ``forward_chunk(x, state)`` the output of the next frames, (batch, length,
    d_model), and the state behind them, without changing ``state``; see
    :class:`~espnet_residuals.ssm.S4D`. If the output of a frame needs later ones, it
    says how many with ``look_ahead``, the output of ``forward_chunk`` stays so many
    frames behind, and ``finish(state)`` returns the last of it.

    Args:
        *names (str): The name for the YAML, and aliases.

    Returns:
        Callable[[type], type]: The decorator; it returns the class unchanged.

    Raises:
        ValueError: If a name is reserved or taken by another class.
        TypeError: If the class cannot be called as a layer is.

    Examples:
        >>> @register_layer("relu")
        ... class Rectified(nn.Linear):
        ...     def __init__(self, d_model):
        ...         super().__init__(d_model, d_model)
        ...
        ...     def forward(self, x, lengths=None):
        ...         return super().forward(x).relu()
        >>> build_layer("relu", 8)
        Rectified(in_features=8, out_features=8, bias=True)
        >>> del layer_registry["relu"]
    """
    return layer_registry.register(*names)


register_layer("s4d")(S4D)
register_layer("mamba2")(Mamba2)
register_layer("ff")(FeedForward)
register_layer("conv")(ConvolutionModule)
register_layer("espnet_s4")(EspnetS4)
register_layer("mha")(SelfAttention)


def build_layer(
    config: LayerConfig,
    d_model: int,
    *,
    dropout: float = 0.0,
    start_gain: Optional[float] = 1.0,
    key: str = "encoder_conf.layer",
) -> nn.Module:
    """Build one layer.

    Args:
        config (LayerConfig): A registered name; a mapping with ``_name_`` and options
            (never changed); or a class.
        d_model (int): Number of features.
        dropout (float): Dropout rate for a layer that has dropout, unless ``config``
            sets its own.
        start_gain (Optional[float]): Size of the output at the start for a layer that
            declares it, unless ``config`` sets its own; see
            :mod:`espnet_residuals.start`.
        key (str): Path of ``config`` in the YAML, for messages.

    Returns:
        nn.Module: A module with ``forward(x, lengths)``.

    Raises:
        ConfigError: A ValueError that names the wrong key, its value and what is
            allowed.

    Examples:
        >>> build_layer({"_name_": "ff", "expand": 2}, 8)
        FeedForward(
          (linear_in): Linear(in_features=8, out_features=16, bias=True)
          (dropout): Dropout(p=0.0, inplace=False)
          (linear_out): Linear(in_features=16, out_features=8, bias=True)
        )
    """
    defaults = {"dropout": dropout, "start_gain": start_gain}
    return build_from_config(
        layer_registry, config, d_model, key=key, defaults=defaults
    )
