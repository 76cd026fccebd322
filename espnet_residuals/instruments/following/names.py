"""What the statistics are called in event files."""

import re
from typing import Optional

MEAN_SQUARE = "mean_square"
SHARE = "share"
GRADIENT = "gradient"
LEARNED = "learned_"

_NAME = re.compile(r"layer_(?P<quantity>[^/]+)/(?P<i_layer>\d+)")


def name_of(quantity: str, i_layer: int, n_layers: int) -> str:
    """Return the name of a statistic; names of one quantity sort by depth.

    Args:
        quantity (str): What is measured.
        i_layer (int): Number of the sublayer, from 1.
        n_layers (int): Number of sublayers.

    Returns:
        str: The name.

    Examples:
        >>> name_of("share", 3, 12)
        'layer_share/03'
    """
    return f"layer_{quantity}/{i_layer:0{len(str(n_layers))}}"


def parse_name(name: str) -> Optional[tuple[str, int]]:
    """Return the quantity and the sublayer that a name stands for.

    Args:
        name (str): Any name in an event file.

    Returns:
        Optional[tuple[str, int]]: Both; None if it is no name of a statistic.

    Examples:
        >>> parse_name("layer_share/03"), parse_name("train/loss")
        (('share', 3), None)
    """
    match = _NAME.fullmatch(name)
    return match and (match["quantity"], int(match["i_layer"]))
