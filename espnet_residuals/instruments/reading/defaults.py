"""Put a training YAML of ESPnet3 together with the files that it builds on."""

from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from espnet3.utils.config_utils import load_config_with_defaults
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.reading.yaml_file import YamlFile, find, read_yaml

KEY = "defaults"


def read_with_defaults(path: Path) -> tuple[Mapping[str, Any], list[YamlFile]]:
    """Read a YAML, with what the files under its key ``defaults`` add.

    Args:
        path (Path): The file.

    Returns:
        tuple[Mapping[str, Any], list[YamlFile]]: The keys of all files, interpolations
            as they stand; and the files, the nearest first.

    Raises:
        Failure: If a file is missing, is no YAML, or builds on itself.
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


def _files(path: Path, above: Sequence[Path] = ()) -> Iterator[YamlFile]:
    """Yield the file, and those that its ``defaults`` name, and theirs."""
    file = read_yaml(path)
    yield file
    chain = [*above, path]
    for i_entry, entry in enumerate(_entries(file)):
        for name in _names(file, i_entry, entry):
            below = (path.parent / name).with_suffix(".yaml")
            _refuse_cycle(file, i_entry, chain, below)
            yield from _files(below, chain)


def _entries(file: YamlFile) -> list[Any]:
    """Return the list under ``defaults``."""
    entries = file.document.get(KEY, [])
    if not isinstance(entries, list):
        raise _wrong(file, KEY, f"must be a list of files, got {entries!r}")
    return entries


def _names(file: YamlFile, i_entry: int, entry: Any) -> list[str]:
    """Return the files of an entry: a name, or names for keys as in ``model: s4``."""
    if isinstance(entry, str):
        return [] if entry == "_self_" else [entry]
    named = entry if isinstance(entry, Mapping) else {None: entry}
    names = {key: name for key, name in named.items() if name is not None}
    if not all(isinstance(word, str) for pair in names.items() for word in pair):
        problem = f"must be a file, or files by keys, got {entry!r}"
        raise _wrong(file, f"{KEY}[{i_entry}]", problem)
    return [name if "/" in name else f"{key}/{name}" for key, name in names.items()]


def _refuse_cycle(
    file: YamlFile, i_entry: int, chain: Sequence[Path], below: Path
) -> None:
    """Refuse a file that builds on itself, which ESPnet would read without end."""
    known = [path.resolve() for path in chain]
    if below.resolve() not in known:
        return
    cycle = [*chain[known.index(below.resolve()) :], below]
    shown = " -> ".join(map(str, cycle))
    raise _wrong(file, f"{KEY}[{i_entry}]", f"the file builds on itself: {shown}")


def _wrong(file: YamlFile, key: str, problem: str) -> Failure:
    line = find(file.text, key).line
    return Failure(Exit.YAML, f"{file.path}, line {line}: {key}: {problem}")
