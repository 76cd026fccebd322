"""What a residual function's class says of itself: names, formula, options."""

import inspect
import re
from typing import Any, Iterable, Mapping

# Arguments of a constructor that the encoder gives, not the YAML.
CONTEXT = ("i_layer", "d_input", "d_model", "n_layers")

_SYMBOLS = {
    r"\alpha": "α",
    r"\beta": "β",
    r"\gamma": "γ",
    r"\odot": "⊙ ",
    r"\,": " ",
    "^{1/4}": "^(1/4)",
    "^{-p}": "^(-p)",
    "_i": "ᵢ",
}
_IN_YAML = {True: "true", False: "false", None: "null"}


def names_of_classes(registry: Mapping[str, type]) -> dict[type, list[str]]:
    """Return the classes of a registry, each with all its names.

    Args:
        registry (Mapping[str, type]): Names and their classes.

    Returns:
        dict[type, list[str]]: The names of each class, as they were registered.
    """
    names: dict[type, list[str]] = {}
    for name, cls in registry.items():
        names.setdefault(cls, []).append(name)
    return names


def split_names(names: Iterable[str]) -> tuple[str, list[str]]:
    """Return the main name, the first that is a word if there is one, and the others.

    Args:
        names (Iterable[str]): The names of one class.

    Returns:
        tuple[str, list[str]]: The main name and the aliases.

    Examples:
        >>> split_names(["D", "decay"])
        ('decay', ['D'])
    """
    listed = list(names)
    main = next((name for name in listed if len(name) > 1), listed[0])
    return main, [name for name in listed if name != main]


def latex_formula(cls: type) -> str:
    """Return the formula in the first paragraph of the docstring, or nothing.

    Args:
        cls (type): The class of a residual function.

    Returns:
        str: The last formula of the paragraph, in LaTeX.
    """
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0]
    return ([""] + re.findall(r":math:`(.+?)`", summary))[-1]


def plain_formula(cls: type) -> str:
    """Return the formula as text for a terminal.

    Args:
        cls (type): The class of a residual function.

    Returns:
        str: The formula, or nothing if the docstring has none.

    Examples:
        >>> from espnet_residuals.residual import DecayResidual
        >>> plain_formula(DecayResidual)
        'αx + βy'
    """
    formula = latex_formula(cls)
    for latex, symbol in _SYMBOLS.items():
        formula = re.sub(f"{re.escape(latex)} ?(?=\\w)", symbol, formula)
        formula = formula.replace(latex, symbol)
    return " ".join(formula.split())


def options_of(cls: type) -> dict[str, Any]:
    """Return the options that a YAML may set, with their defaults.

    Args:
        cls (type): The class of a residual function.

    Returns:
        dict[str, Any]: Names and defaults, in the order of the constructor.

    Examples:
        >>> from espnet_residuals.residual import DecayResidual
        >>> options_of(DecayResidual)
        {'power': 0.5, 'l2': True, 'offset': 0}
    """
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in CONTEXT}


def as_in_yaml(value: Any) -> str:
    """Return a default as a YAML spells it.

    Args:
        value (Any): A number, a text, a flag or None.

    Returns:
        str: The text.

    Examples:
        >>> as_in_yaml(True), as_in_yaml(None), as_in_yaml(0.5)
        ('true', 'null', '0.5')
    """
    if isinstance(value, bool) or value is None:
        return _IN_YAML[value]
    return str(value)
