"""Build a residual function from what a YAML says."""

from typing import Any, Mapping, Optional, Union

from torch import nn

from espnet_residuals.config import build_from_config, to_plain
from espnet_residuals.config.registry import RESERVED_NAMES
from espnet_residuals.residual.feedforward import Feedforward
from espnet_residuals.residual.registration import registry

ResidualConfig = Union[str, Mapping[str, Any], type, None]


def build_residual(
    config: ResidualConfig,
    i_layer: int,
    d_input: int,
    d_model: int,
    *,
    n_layers: Optional[int] = None,
    key: str = "encoder_conf.residual",
) -> nn.Module:
    """Build the residual function of one sublayer.

    Args:
        config (ResidualConfig): A registered name; a mapping with ``_name_`` and
            options (dict or OmegaConf, never changed); a class; or None. None,
            ``null``, ``none`` and ``feedforward`` all mean: no residual connection.
        i_layer (int): Index of the sublayer in the stack, counted from 1.
        d_input (int): Number of features of the sublayer's input.
        d_model (int): Number of features of the sublayer's output.
        n_layers (Optional[int]): Number of sublayers in the stack; given to a class
            whose constructor declares ``n_layers``.
        key (str): Path of ``config`` in the YAML, for messages.

    Returns:
        nn.Module: A module with ``forward(x, y, transposed=False)`` and ``d_output``.

    Raises:
        ConfigError: A ValueError that names the wrong key, its value and what is
            allowed.

    Examples:
        >>> build_residual({"_name_": "decay", "power": 1.0}, 2, 8, 8)
        DecayResidual(i_layer=2, d_model=8, alpha=0.866, beta=0.5, power=1, l2=True, \
offset=0)
        >>> build_residual({"_name_": "decay", "power": -1}, 2, 8, 8)
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.ConfigError: encoder_conf.residual.power: must \
be a finite number >= 0, got -1 (DecayResidual accepts power, l2, offset)
    """
    if isinstance(config, Mapping):
        config = to_plain(config, key)
    if _means_none(config):
        config = Feedforward
    defaults = {} if n_layers is None else {"n_layers": n_layers}
    return build_from_config(
        registry, config, i_layer, d_input, d_model, key=key, defaults=defaults
    )


def _means_none(config: ResidualConfig) -> bool:
    if isinstance(config, Mapping) and set(config) == {"_name_"}:
        config = config["_name_"]
    if isinstance(config, str):
        return config.lower() in RESERVED_NAMES
    return config is None
