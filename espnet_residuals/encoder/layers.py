"""The names of the layers that a block can be made of."""

import inspect
from typing import Any, Mapping, Union

from torch import nn

from espnet_residuals.config import Registry, build_from_config, check_method
from espnet_residuals.encoder.espnet_layers import EspnetAttention, EspnetS4
from espnet_residuals.encoder.feed_forward import FeedForward
from espnet_residuals.ssm import S4D

LayerConfig = Union[str, Mapping[str, Any], type]


def _check_interface(cls: type) -> None:
    """Refuse a class that cannot stand in a block.

    Args:
        cls (type): What was registered.

    Raises:
        TypeError: If it is no module, or cannot be called as a layer is.
    """
    name = getattr(cls, "__name__", repr(cls))
    if not (inspect.isclass(cls) and issubclass(cls, nn.Module)):
        raise TypeError(f"{name} is not a class derived from torch.nn.Module")
    check_method(cls, "__init__", ("d_model",))
    check_method(cls, "forward", ("x", "lengths"))


layer_registry = Registry("layer", _check_interface)
layer_registry.register("s4d")(S4D)
layer_registry.register("ff")(FeedForward)
layer_registry.register("espnet_s4")(EspnetS4)
layer_registry.register("espnet_mha")(EspnetAttention)


def build_layer(
    config: LayerConfig,
    d_model: int,
    *,
    dropout: float = 0.0,
    key: str = "encoder_conf.layer",
) -> nn.Module:
    """Build one layer.

    Args:
        config (LayerConfig): A registered name; a mapping with ``_name_`` and options
            (never changed); or a class.
        d_model (int): Number of features.
        dropout (float): Dropout rate for a layer that has dropout, unless ``config``
            sets its own.
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
    return build_from_config(
        layer_registry, config, d_model, key=key, defaults={"dropout": dropout}
    )
