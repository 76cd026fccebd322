"""Refuse a stack whose stream would overflow, by what is known before it runs."""

from typing import Any, Mapping, Sequence

from torch import nn

from espnet_residuals.config import ConfigError

# Norms sum the squares of all features; those of this are far from 3e38 in float32.
LIMIT = 1e15
# Options that enlarge the branch, in the residual functions of this package.
BRANCH_OPTIONS = ("beta", "gamma", "init", "scale")


def check_growth(
    residuals: Sequence[nn.Module], each_is_normalised: bool, config: Any, key: str
) -> None:
    """Refuse weights that make the stream overflow at the start.

    Branches of magnitude 1 are assumed. A function without ``start_weights`` is taken
    for one that adds such a branch.

    Args:
        residuals (Sequence[nn.Module]): The residual functions, from the first to the
            last sublayer.
        each_is_normalised (bool): Whether a norm stands behind each.
        config (Any): What they were built from.
        key (str): Path of ``config`` in the YAML, for the message.

    Raises:
        ConfigError: If the stream overflows; names the option that enlarges it.

    Examples:
        >>> from espnet_residuals.residual import Residual
        >>> stack = [Residual(i, 8, 8, alpha=2.0) for i in range(1, 65)]
        >>> check_growth(stack, False, {"_name_": "residual", "alpha": 2}, "residual")
        Traceback (most recent call last):
            ...
        espnet_residuals.config.errors.ConfigError: residual.alpha: makes the stream \
overflow: it grows to 1.1e+15 by sublayer 49 of 64, and may to 1e+15; use smaller \
weights or fewer sublayers, got 2
    """
    size = kept = 1.0
    for i_layer, residual in enumerate(residuals, start=1):
        weights = getattr(residual, "start_weights", None)
        alpha, beta = weights() if callable(weights) else (1.0, 1.0)
        if each_is_normalised:
            size = kept = 1.0
        size, kept = alpha * size + beta, alpha * kept
        if size > LIMIT:
            option = _enlarging(config, "alpha" if kept > LIMIT else "")
            value = config[option] if option else config
            raise ConfigError(
                f"{key}.{option}" if option else key,
                f"makes the stream overflow: it grows to {size:.2g} by sublayer "
                f"{i_layer} of {len(residuals)}, and may to {LIMIT:.2g}; use smaller "
                f"weights or fewer sublayers, got {value!r}",
            )


def _enlarging(config: Any, first: str) -> str:
    """Return the option of a configuration that enlarges the stream, if it is known."""
    options = config if isinstance(config, Mapping) else {}
    for option in (first, *BRANCH_OPTIONS, "alpha"):
        if option in options:
            return option
    return ""
