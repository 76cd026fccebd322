"""Find the line of a YAML on which a key stands."""

import re
from typing import NamedTuple, Optional

import yaml


class Place(NamedTuple):
    """Where a key stands.

    Attributes:
        depth (int): How many of the keys on the way to it, and itself, are there.
        line (int): Line of the last of these, counted from 1.
    """

    depth: int
    line: int


def find(text: str, path: str) -> Place:
    """Find the line of a key, or of the last key on the way to it that is there.

    Args:
        text (str): The YAML.
        path (str): Path of the key, such as ``encoder_conf.layer[0].d_state``.

    Returns:
        Place: The line, and how far that was.

    Examples:
        >>> text = "encoder: s4\\nencoder_conf:\\n  layer: [s4d, ff]"
        >>> find(text, "encoder_conf.layer")
        Place(depth=2, line=3)
        >>> find(text, "encoder_conf.norm")
        Place(depth=1, line=2)
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    place = Place(depth=0, line=1)
    for key in re.findall(r"[^.\[\]]+", path):
        found = _child(node, key)
        if found is None:
            break
        line, node = found
        place = Place(place.depth + 1, line)
    return place


def _child(node: Optional[yaml.Node], key: str) -> Optional[tuple[int, yaml.Node]]:
    """Return the line of a key of a node, and the node under it."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and key.isdigit():
        if int(key) < len(node.value):
            value = node.value[int(key)]
            return value.start_mark.line + 1, value
    return None
