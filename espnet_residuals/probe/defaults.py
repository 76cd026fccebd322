"""Put a training YAML of ESPnet3 together with the files that it builds on."""

from pathlib import Path
from typing import Any, Iterator, Mapping

from espnet3.utils.config_utils import load_config_with_defaults
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from espnet_residuals.probe.failure import Exit, Failure
from espnet_residuals.probe.yaml_file import YamlFile, read_yaml

KEY = "defaults"


def read_with_defaults(path: Path) -> tuple[Mapping[str, Any], list[YamlFile]]:
    """Read a YAML, with what the files under its key ``defaults`` add.

    Args:
        path (Path): The file.

    Returns:
        tuple[Mapping[str, Any], list[YamlFile]]: The keys of all files, interpolations
            as they stand; and the files, the nearest first.

    Raises:
        Failure: If a file is missing or is no YAML.
    """
    files = list(_files(path))
    document = files[0].document
    if KEY not in document:
        return document, files
    try:
        merged = load_config_with_defaults(str(path), resolve=False)
    except OSError as error:
        raise Failure(Exit.FILE, f"{path}: {KEY}: {error}") from error
    except (OmegaConfBaseException, ValueError, YAMLError) as error:
        raise Failure(Exit.YAML, f"{path}: {KEY}: {error}") from error
    composed = OmegaConf.to_container(merged)
    assert isinstance(composed, dict)
    return {str(key): value for key, value in composed.items()}, files


def _files(path: Path) -> Iterator[YamlFile]:
    """Yield the file, and those beside it that its ``defaults`` name."""
    file = read_yaml(path)
    yield file
    entries = file.document.get(KEY)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, str) and entry != "_self_":
            yield from _files((path.parent / entry).with_suffix(".yaml"))
