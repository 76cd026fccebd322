"""Refuse what is YAML and yet cannot be read: before it is read, with its key path."""

from typing import Any, Union

import yaml

# More than any training configuration has.
DEEPEST, MOST_VALUES = 50, 100_000
CONVERTED = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp"))


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
        espnet_residuals.probe.yaml_extremes.Extreme: line 1: a.b: day is out of range \
for month
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
