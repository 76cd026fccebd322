"""Find the line of a YAML on which a key stands."""

import re
from typing import Optional

import yaml


def line_of(text: str, path: str) -> int:
    """Return the line of a key, or of the last key on the way to it that is there.

    Args:
        text (str): The YAML.
        path (str): Path of the key, such as ``encoder_conf.layer[0].d_state``.

    Returns:
        int: The line, counted from 1.

    Examples:
        >>> text = "encoder: s4\\nencoder_conf:\\n  layer: [s4d, ff]"
        >>> line_of(text, "encoder_conf.layer")
        3
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    line = 1
    for key in re.findall(r"[^.\[\]]+", path):
        found = _child(node, key)
        if found is None:
            break
        line, node = found
    return line


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
