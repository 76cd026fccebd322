"""What every sublayer contributes to the output, by the weights alone."""

import math
from typing import Any, Mapping, NamedTuple

from torch import nn

from espnet_residuals.config import ConfigError
from espnet_residuals.instruments.failure import Exit, Failure
from espnet_residuals.residual import Residual, build_residual


class Step(NamedTuple):
    """The input of a stack, or one of its sublayers.

    Attributes:
        i_layer (int): Number of the sublayer, from 1; 0 is the input.
        alpha (float): Weight of x; 1 for the input.
        beta (float): Weight of y; 1 for the input.
        weight (float): Weight in the output: beta, times alpha of all later sublayers.
        share (float): Share of the output's variance, if input and branches are
            independent and of equal variance.
    """

    i_layer: int
    alpha: float
    beta: float
    weight: float
    share: float


def closed_form(name: str, layers: int, options: Mapping[str, Any]) -> list[Step]:
    r"""Return the weights and shares of a stack of sublayers.

    A stack returns :math:`\sum_i w_i y_i` with :math:`y_0` its input and
    :math:`w_i = \beta_i \prod_{j > i} \alpha_j`; the share is
    :math:`w_i^2 / \sum_j w_j^2`.

    Args:
        name (str): Name of a residual function of constant weights.
        layers (int): Number of sublayers.
        options (Mapping[str, Any]): Its options.

    Returns:
        list[Step]: The input, and every sublayer.

    Raises:
        Failure: If the name or an option is wrong, or the weights are not constant, or
            leave nothing of any sublayer.

    Examples:
        >>> [round(step.share, 3) for step in closed_form("decay", 4, {"power": 0.5})]
        [0.0, 0.25, 0.25, 0.25, 0.25]
    """
    weights = [_weights_of(name, i, layers, options) for i in range(1, layers + 1)]
    contributions: list[float] = []
    behind = 1.0
    for alpha, beta in reversed(weights):
        contributions.append(beta * behind)
        behind *= alpha
    contributions.append(behind)
    contributions.reverse()
    largest = max(map(abs, contributions))
    if not 0 < largest < math.inf:
        raise Failure(
            Exit.OPTION,
            f"with {dict(options)} the output of {layers} sublayers is "
            f"{'0' if largest == 0 else 'too large for a number'}",
        )
    squares = [(weight / largest) ** 2 for weight in contributions]
    return [
        Step(i, alpha, beta, weight, square / sum(squares))
        for i, ((alpha, beta), weight, square) in enumerate(
            zip([(1.0, 1.0), *weights], contributions, squares)
        )
    ]


def _weights_of(
    name: str, i_layer: int, layers: int, options: Mapping[str, Any]
) -> tuple[float, float]:
    """Return alpha and beta of one sublayer, with the norm that must follow it."""
    config = {"_name_": name, **options} if options else name
    try:
        residual: nn.Module = build_residual(
            config, i_layer, 1, 1, n_layers=layers, key=name
        )
    except ConfigError as error:
        raise Failure(Exit.OPTION, str(error)) from error
    if type(residual).forward is not Residual.forward:
        raise Failure(
            Exit.OPTION,
            f"{name} has no weights that are constant, so no closed form; `probe` "
            "measures it",
        )
    assert isinstance(residual, Residual)
    alpha, beta = residual.alpha, residual.beta
    if getattr(residual, "needs_postnorm", False):
        length = (alpha**2 + beta**2) ** 0.5
        return alpha / length, beta / length
    return alpha, beta
