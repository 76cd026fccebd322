"""What the option ``layer`` says of each sublayer of a block."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from espnet_residuals.config import ConfigError, check_number, to_plain
from espnet_residuals.layers.registry import BLOCK_OPTIONS


class SublayerConfig(NamedTuple):
    """One sublayer of a block.

    Attributes:
        layer (Any): Name of the layer, or a mapping with ``_name_``, or a class.
        key (str): Its path in the YAML.
        residual (Any): The residual function.
        residual_key (str): Its path in the YAML.
        scale (float): Constant factor of the branch.
    """

    layer: Any
    key: str
    residual: Any
    residual_key: str
    scale: float = 1.0


def read_block(layer: Any, residual: Any, key: str) -> list[SublayerConfig]:
    """Return the sublayers of a block in order.

    Args:
        layer (Any): A name, a mapping with ``_name_``, a class, or a list of these. A
            mapping may hold ``residual`` and ``scale`` beside the layer's options.
        residual (Any): The residual function of sublayers that name none.
        key (str): Path of the encoder's options in the YAML.

    Returns:
        list[SublayerConfig]: One for each sublayer.

    Raises:
        ConfigError: If the list is empty, or a scale no number >= 0.

    Examples:
        >>> half_step = {"_name_": "ff", "scale": 0.5, "residual": "decay"}
        >>> for sublayer in read_block(["s4d", half_step], "affine", "encoder_conf"):
        ...     print(sublayer.layer, sublayer.residual, sublayer.scale)
        s4d affine 1.0
        {'_name_': 'ff'} decay 0.5
    """
    plain = to_plain(layer, f"{key}.layer")
    if not isinstance(plain, list):
        return [_read_sublayer(plain, f"{key}.layer", residual, f"{key}.residual")]
    if not plain:
        raise ConfigError(f"{key}.layer", "must name at least one layer, got []")
    return [
        _read_sublayer(config, f"{key}.layer[{i}]", residual, f"{key}.residual")
        for i, config in enumerate(plain)
    ]


def _read_sublayer(
    config: Any, key: str, residual: Any, residual_key: str
) -> SublayerConfig:
    if not isinstance(config, Mapping):
        return SublayerConfig(config, key, residual, residual_key)
    layer = {name: value for name, value in config.items() if name not in BLOCK_OPTIONS}
    scale = check_number(f"{key}.scale", config.get("scale", 1.0), minimum=0)
    if "residual" in config:
        residual, residual_key = config["residual"], f"{key}.residual"
    return SublayerConfig(layer, key, residual, residual_key, scale)
