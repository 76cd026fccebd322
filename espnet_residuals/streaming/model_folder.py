"""Build the model of an experiment's folder, wherever the command is run."""

import re
from argparse import Namespace
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple, Optional

import yaml
from espnet2.tasks.asr import ASRTask

from espnet_residuals.config import ConfigError

# Of ESPnet2 and ESPnet3, what is to be decoded first: means of epochs, then the best.
WEIGHTS = (
    r"(?P<criterion>.+)\.ave\.pth",
    r"(?P<criterion>.+)\.ave_(?P<count>\d+)best\.pth",
    r"(?P<criterion>.+)\.best\.pth",
    r"(?P<criterion>best)\.ckpt",
)


class ModelFiles(NamedTuple):
    """Files of a trained model.

    Attributes:
        config (Path): Its ``config.yaml``.
        weights (Path): Its parameters.
    """

    config: Path
    weights: Path


def find_files(folder: Path, weights: Optional[str] = None) -> ModelFiles:
    """Return the files of the model in a folder.

    Args:
        folder (Path): An experiment of ESPnet2 or ESPnet3, with ``config.yaml`` in it,
            or what ESPnet3's stage ``pack_model`` made.
        weights (Optional[str]): Name of the file of parameters in the folder; None:
            the mean of the best epochs, or what the pack decodes with.

    Returns:
        ModelFiles: The files.

    Raises:
        ConfigError: If they are not there, or it is not clear which ones are meant.
    """
    if (folder / "meta.yaml").is_file():
        files = _packed_files(folder.resolve())
    elif (folder / "config.yaml").is_file():
        config = folder.resolve() / "config.yaml"
        chosen = config.with_name(weights) if weights else _choose(config.parent)
        files = ModelFiles(config, chosen)
    else:
        raise ConfigError(
            "asr_train_config", f"{folder} holds neither config.yaml nor meta.yaml"
        )
    for file in files:
        if not file.is_file():
            raise ConfigError("asr_model_file", f"there is no file {file}")
    return files


def build_from_folder(
    folder: Path, weights: Optional[str] = None, device: str = "cpu"
) -> tuple[Any, Namespace]:
    """Build the model of a folder.

    Paths in its ``config.yaml`` may be relative to the working directory, or to a
    folder that holds it, as that of the recipe.

    Args:
        folder (Path): As in :func:`find_files`.
        weights (Optional[str]): As in :func:`find_files`.
        device (str): Where the model is put.

    Returns:
        tuple[Any, Namespace]: The model, and the arguments it was trained with.

    Raises:
        ConfigError: If the files of the model are not there.
    """
    files = find_files(folder, weights)
    base = _base(files.config)
    with chdir(base):
        model, args = ASRTask.build_model_from_file(*files, device)
    if getattr(args, "bpemodel", None) is not None:
        # It is read later, when the working directory is another.
        args.bpemodel = str(base / args.bpemodel)
    return model, args


def _packed_files(folder: Path) -> ModelFiles:
    from espnet3.utils.config_utils import load_config_with_defaults
    from omegaconf import OmegaConf

    meta = yaml.safe_load((folder / "meta.yaml").read_text(encoding="utf-8"))
    name = (meta.get("yaml_files") or {}).get("inference_config")
    if name is None:
        raise ConfigError("meta.yaml", f"{folder} has no yaml_files.inference_config")
    config = load_config_with_defaults(str(folder / name), resolve=False)
    config.recipe_dir = str(folder)
    OmegaConf.resolve(config)
    model = config.model
    return ModelFiles(Path(model.asr_train_config), Path(model.asr_model_file))


def _choose(folder: Path) -> Path:
    for pattern in WEIGHTS:
        found: dict[str, tuple[int, Path]] = {}
        for path in sorted(folder.iterdir()):
            if match := re.fullmatch(pattern, path.name):
                count = int(match.groupdict().get("count", 0))
                best = found.get(match["criterion"], (0, path))
                found[match["criterion"]] = max(best, (count, path))
        if len(found) == 1:
            return next(iter(found.values()))[1]
        if found:
            names = ", ".join(path.name for _, path in found.values())
            raise ConfigError(
                "asr_model_file", f"{folder} holds {names}; name the one to read with"
            )
    raise ConfigError(
        "asr_model_file",
        f"{folder} holds no parameters of a known name, such as valid.wer.ave.pth; "
        "name the file",
    )


def _base(config: Path) -> Path:
    """Return the folder from which the paths in a configuration lead to files."""
    args = yaml.safe_load(config.read_text(encoding="utf-8"))
    stats = (args.get("normalize_conf") or {}).get("stats_file")
    paths = [args.get("token_list"), args.get("bpemodel"), stats]
    needed = [path for path in paths if isinstance(path, str)]
    for base in (Path.cwd(), *config.parents):
        if all((base / path).exists() for path in needed):
            return base
    raise ConfigError(
        "asr_train_config",
        f"{config} names {', '.join(needed)}, which are not all there; run the command "
        "in the folder of the recipe",
    )
