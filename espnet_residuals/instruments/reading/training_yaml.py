"""Read what a training YAML of ESPnet2 or ESPnet3 says of the encoder."""

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from espnet_residuals.config import ConfigError, check_integer
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.instruments.reading.defaults import read_with_defaults
from espnet_residuals.instruments.reading.yaml_file import YamlFile, find

DEFAULT_N_MELS = 80
# Keys of options; misspelled, the probe would go on with the defaults.
READ = ("encoder_conf", "frontend_conf")
# What ESPnet's tasks read and is near to those.
OTHERS = ("codec_conf", "decoder_conf", "st_decoder_conf", "vocoder_conf")
NEAR = 0.8  # how alike a misspelled key is to the one that was meant
# What is read of the section, and what ESPnet takes where it is left out.
KEYS = ("encoder", "input_size", "frontend", "preencoder", "init", *READ)
DEFAULTS = {"frontend": "default"}


@dataclass(frozen=True)
class TrainingYaml:
    """The part of a training YAML that an encoder is built from.

    Attributes:
        path (Path): The file.
        files (Sequence[YamlFile]): It, and those that it builds on.
        section (str): Where the keys of the model are: ``model.``, or nothing at all.
        encoder (str): Name of the encoder.
        encoder_conf (dict[str, Any]): Its options, without interpolations.
        model (Mapping[str, Any]): What the section says of the encoder and what comes
            before it, without interpolations.
        frontend_conf (dict[str, Any]): Options of the frontend.
    """

    path: Path
    files: Sequence[YamlFile] = field(repr=False)
    section: str
    encoder: str
    encoder_conf: dict[str, Any]
    model: Mapping[str, Any] = field(repr=False)
    frontend_conf: dict[str, Any]

    def locate(self, error: ConfigError) -> Failure:
        """Return an error in an option as one that says on which line it is.

        Args:
            error (ConfigError): The error.

        Returns:
            Failure: The same, for the user of the command line.
        """
        where = _place(self.files, self.section + error.key)
        return Failure(Exit.OPTION, f"{where}: {error}")


def read_training_yaml(path: Path) -> TrainingYaml:
    """Read the file; instantiates nothing.

    Args:
        path (Path): A training YAML with ``encoder`` and ``encoder_conf`` at its top,
            as in ESPnet2, or under ``model``, as in ESPnet3, there or in files that
            its ``defaults`` name.

    Returns:
        TrainingYaml: What it says of the encoder.

    Raises:
        Failure: If there is no such file, it is no YAML, it names no encoder, or its
            options are under a key that is misspelled or outside of the model.
    """
    document, files = read_with_defaults(path)
    section = ""
    if "encoder" not in document and isinstance(document.get("model"), Mapping):
        section = "model."
    model = {key: _resolved(files, document, section, key) for key in KEYS}
    encoder = model["encoder"]
    if encoder is None:
        raise Failure(
            Exit.NO_ENCODER,
            f"{path} has no key 'encoder', neither at its top (ESPnet2) nor under "
            "'model' (ESPnet3); give a training configuration",
        )
    if not isinstance(encoder, str):
        where = _place(files, f"{section}encoder")
        raise Failure(Exit.ENCODER, f"{where}: encoder must be a name, got {encoder!r}")
    _refuse_unread(files, document, section)
    options = {key: _options(files, section + key, model[key]) for key in READ}
    return TrainingYaml(path, files, section, encoder, model=model, **options)


def input_size_of(config: TrainingYaml) -> int:
    """Return the number of features that the encoder is given.

    Args:
        config (TrainingYaml): The configuration.

    Returns:
        int: ``input_size``, or the number of mel bands of ESPnet's default frontend.

    Raises:
        Failure: If neither tells.
    """
    try:
        if config.model["input_size"] is not None:
            return check_integer("input_size", config.model["input_size"], minimum=1)
        frontend, preencoder = config.model["frontend"], config.model["preencoder"]
        if frontend != "default" or preencoder is not None:
            raise Failure(
                Exit.USAGE,
                f"{config.path} does not tell how many features the encoder is given "
                f"(frontend: {frontend}, preencoder: {preencoder}); add --input-size N",
            )
        n_mels = config.frontend_conf.get("n_mels", DEFAULT_N_MELS)
        return check_integer("frontend_conf.n_mels", n_mels, minimum=1)
    except ConfigError as error:
        raise config.locate(error) from error


def misspelled(model: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield the misspelled keys, each with what was meant.

    A key that has one that is read as its end, such as ``preencoder_conf``, is another
    part's; and ESPnet has no options in a key that holds no mapping.

    Args:
        model (Mapping[Any, Any]): The keys of the model.

    Yields:
        tuple[str, str]: The key, and the key that was meant.

    Examples:
        >>> options = {"output_size": 256}
        >>> list(misspelled({"encoder_cnf": options, "decoder_conf": options}))
        [('encoder_cnf', 'encoder_conf')]
    """
    for key, value in model.items():
        if not isinstance(value, Mapping) or str(key).endswith(READ):
            continue
        near = get_close_matches(str(key), (*READ, *OTHERS), n=1, cutoff=NEAR)
        if near and near[0] in READ:
            yield str(key), near[0]


def _refuse_unread(
    files: Sequence[YamlFile], document: Mapping[str, Any], section: str
) -> None:
    """Refuse options that the model would not get: misspelled, or outside of it."""
    model = document["model"] if section else document
    unread = [
        (section + key, f"unknown key; did you mean {meant!r}?")
        for key, meant in misspelled(model)
    ]
    unread += [
        (key, f"stands outside of 'model', where 'encoder' is; write it as model.{key}")
        for key in READ
        if key in document and key not in model
    ]
    for key, problem in unread:
        raise Failure(Exit.OPTION, f"{_place(files, key)}: {key}: {problem}")


def _resolved(
    files: Sequence[YamlFile], document: Mapping[str, Any], section: str, key: str
) -> Any:
    """Return the value of a key of the section with its interpolations replaced."""
    model = document["model"] if section else document
    value = model.get(key, DEFAULTS.get(key))
    if "${" not in str(value):
        return value
    try:
        value = OmegaConf.select(OmegaConf.create(dict(document)), section + key)
        is_node = OmegaConf.is_config(value)
        return OmegaConf.to_container(value, resolve=True) if is_node else value
    except OmegaConfBaseException as error:
        where = _place(files, section + key)
        raise Failure(Exit.OPTION, f"{where}: {key}: {error}") from error


def _options(files: Sequence[YamlFile], key: str, value: Any) -> dict[str, Any]:
    """Return a mapping of options, or none where a key is empty."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        name = key.rpartition(".")[2]
        where = _place(files, key)
        raise Failure(Exit.OPTION, f"{where}: {name}: must be a mapping, got {value!r}")
    return {str(name): option for name, option in value.items()}


def _place(files: Sequence[YamlFile], key: str) -> str:
    """Return file and line of a key: of the nearest file that has most of it."""
    found = [(find(file.text, key), file) for file in files]
    place, file = max(found, key=lambda pair: pair[0].depth)
    return f"{file.path}, line {place.line}"
