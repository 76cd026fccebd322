"""Read a YAML, or tell the user what is wrong with the file."""

from pathlib import Path
from typing import Any, Mapping, NamedTuple

import yaml

from espnet_residuals.probe.failure import Exit, Failure
from espnet_residuals.probe.yaml_extremes import Extreme, refuse_extremes


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
        raise Failure(
            Exit.YAML,
            f"{path} holds {type(document).__name__} where a training configuration "
            "has a mapping of keys",
        )
    return document
