"""Refuse a stack whose stream would overflow, by what is known before it runs."""

from typing import Any, Mapping, Optional, Sequence

from torch import nn

from espnet_residuals.config import ConfigError

# Norms sum the squares of all features; those of this are far from 3e38 in float32.
LIMIT = 1e15
# Options that enlarge the branch, in the residual functions of this package.
BRANCH_OPTIONS = ("beta", "gamma", "init", "scale")


def check_norm(
    residual: nn.Module, norm: Optional[str], prenorm: bool, key: str
) -> None:
    """Refuse a function that enlarges the stream where no norm stands behind it.

    Args:
        residual (nn.Module): The residual function.
        norm (Optional[str]): The norm of the stack.
        prenorm (bool): Whether it stands before each layer.
        key (str): Path of the function in the YAML, for the message.

    Raises:
        ConfigError: If the function ``needs_postnorm`` and has none.

    Examples:
        >>> from espnet_residuals.residual import DeepNorm
        >>> check_norm(DeepNorm(1, 8, 8, n_layers=4), "layer", False, "residual")
    """
    if getattr(residual, "needs_postnorm", False) and (prenorm or norm is None):
        raise ConfigError(
            key,
            f"{type(residual).__name__} needs prenorm: false and norm: layer, got "
            f"prenorm={prenorm} and norm={norm!r}",
        )


def check_growth(
    residuals: Sequence[nn.Module],
    normalised: Sequence[bool],
    configs: Sequence[tuple[Any, str]],
) -> None:
    """Refuse weights that make the stream overflow at the start.

    Branches of magnitude 1 are assumed. A function without ``start_weights`` is taken
    for one that adds such a branch.

    Args:
        residuals (Sequence[nn.Module]): The residual functions, from the first to the
            last sublayer.
        normalised (Sequence[bool]): Whether a norm stands behind each.
        configs (Sequence[tuple[Any, str]]): What each was built from, and its path in
            the YAML, for the message.

    Raises:
        ConfigError: If the stream overflows; names the option that enlarges it.

    Examples:
        >>> from espnet_residuals.residual import Residual
        >>> stack = [Residual(i, 8, 8, alpha=2.0) for i in range(1, 65)]
        >>> config = {"_name_": "residual", "alpha": 2}
        >>> check_growth(stack, [False] * 64, [(config, "residual")] * 64)
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
        size, kept = alpha * size + beta, alpha * kept
        if size > LIMIT:
            config, key = configs[i_layer - 1]
            option = _enlarging(config, "alpha" if kept > LIMIT else "")
            value = config[option] if option else config
            raise ConfigError(
                f"{key}.{option}" if option else key,
                f"makes the stream overflow: it grows to {size:.2g} by sublayer "
                f"{i_layer} of {len(residuals)}, and may to {LIMIT:.2g}; use smaller "
                f"weights or fewer sublayers, got {value!r}",
            )
        if normalised[i_layer - 1]:
            size = kept = 1.0


def _enlarging(config: Any, first: str) -> str:
    """Return the option of a configuration that enlarges the stream, if it is known."""
    options = config if isinstance(config, Mapping) else {}
    for option in (first, *BRANCH_OPTIONS, "alpha"):
        if option in options:
            return option
    return ""
