"""Read a YAML, or tell the user what is wrong with the file, and on which line.

:func:`read_yaml` reads a file, :func:`find` finds the line of a key in it, and
:func:`refuse_extremes` refuses what is YAML and yet cannot be read.
"""

import re
from pathlib import Path
from typing import Any, Mapping, NamedTuple, Optional, Union

import yaml

from espnet_residuals.instruments.failure import Exit, Failure

# More than any training configuration has.
DEEPEST, MOST_VALUES = 50, 100_000
CONVERTED = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp"))


class YamlFile(NamedTuple):
    """A YAML and what stands in it.

    Attributes:
        path (Path): The file.
        text (str): Its text.
        document (Mapping[str, Any]): Its keys.
    """

    path: Path
    text: str
    document: Mapping[str, Any]


def read_yaml(path: Path) -> YamlFile:
    """Read a file that holds a mapping.

    Args:
        path (Path): The file.

    Returns:
        YamlFile: What stands in it.

    Raises:
        Failure: If there is no such file, or it is no YAML or no mapping.
    """
    text = _read(path)
    return YamlFile(path, text, _parse(path, text))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(
            Exit.FILE, f"cannot read {path}: {error.strerror or error}"
        ) from error
    except UnicodeDecodeError as error:
        raise Failure(Exit.YAML, f"{path} is not YAML: it is not text") from error


def _parse(path: Path, text: str) -> Mapping[str, Any]:
    try:
        refuse_extremes(text)
        document = yaml.safe_load(text)
    except Extreme as error:
        raise Failure(Exit.YAML, f"{path}, {error}") from error
    except yaml.YAMLError as error:
        raise Failure(Exit.YAML, f"{path} is not YAML: {error}") from error
    if not isinstance(document, Mapping):
        found = "nothing" if document is None else type(document).__name__
        raise Failure(
            Exit.YAML,
            f"{path} holds {found} where a training configuration has a mapping of "
            "keys",
        )
    return document


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


class Extreme(Exception):
    """A value that cannot be read.

    Args:
        line (int): Its line, from 1.
        key (str): Path of its key.
        problem (str): What is wrong.
    """

    def __init__(self, line: int, key: str, problem: str) -> None:
        super().__init__(f"line {line}: {f'{key}: ' if key else ''}{problem}")


def refuse_extremes(text: str) -> None:
    """Look at every value of a YAML; makes nothing of them.

    Args:
        text (str): The YAML.

    Raises:
        Extreme: If it is nested too deeply, holds itself or too much, with aliases
            written out, or has a date or an integer that Python refuses.
        yaml.YAMLError: If it is no YAML.

    Examples:
        >>> refuse_extremes("a: {b: 2026-02-30}")
        Traceback (most recent call last):
            ...
        espnet_residuals.instruments.reading.yaml_file.Extreme: line 1: a.b: day is \
out of range for month
    """
    _Reader().read(text)


class _Reader:
    """Where the reader of a YAML stands."""

    def __init__(self) -> None:
        self.path: list[Union[str, int, None]] = []
        # Of every collection that is open: its anchor, and the values before it.
        self.open: list[tuple[str, int]] = []
        self.sizes: dict[str, int] = {}
        self.count = 0

    def read(self, text: str) -> None:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.CollectionEndEvent):
                anchor, before = self.open.pop()
                self.sizes[anchor] = self.count - before
                self.path.pop()
                self._go_on("")
            elif isinstance(event, yaml.NodeEvent):
                self._see(event)

    def _see(self, event: Any) -> None:
        self.count += 1
        if isinstance(event, yaml.AliasEvent):
            anchor = str(event.anchor)
            if any(anchor == other for other, _ in self.open):
                self._refuse(event, f"*{anchor} holds itself")
            self.count += self.sizes.get(anchor, 0)
        if self.count > MOST_VALUES:
            self._refuse(event, f"more than {MOST_VALUES} values, aliases written out")
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self.open) == DEEPEST:
                self._refuse(event, f"nested more than {DEEPEST} levels deep")
            self.open.append((event.anchor or "", self.count - 1))
            is_list = isinstance(event, yaml.SequenceStartEvent)
            self.path.append(0 if is_list else None)
            return
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor:
                self.sizes[event.anchor] = 1
            self._convert(event)
        self._go_on(getattr(event, "value", ""))

    def _go_on(self, value: str) -> None:
        """Step to the next item, or from a key to its value and back."""
        if not self.path:
            return
        at = self.path[-1]
        if isinstance(at, int):
            self.path[-1] = at + 1
        else:
            self.path[-1] = (value or "?") if at is None else None

    def _convert(self, event: yaml.ScalarEvent) -> None:
        loader = yaml.SafeLoader("")
        tag = event.tag
        if tag is None and event.implicit[0]:
            tag = loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag in CONVERTED:
            try:
                loader.construct_object(yaml.ScalarNode(tag, event.value))
            except (ValueError, OverflowError) as error:
                self._refuse(event, str(error).partition(":")[0])

    def _refuse(self, event: Any, problem: str) -> None:
        key = ""
        for part in self.path:
            if isinstance(part, int):
                key += f"[{part}]"
            elif part is not None:
                key += f".{part}" if key else part
        if len(key) > 100:
            key = f"{key[:100]}..."
        raise Extreme(event.start_mark.line + 1, key, problem)
