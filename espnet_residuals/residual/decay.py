"""Residual connection whose branch weighs less the deeper the sublayer lies."""

from espnet_residuals.config import check_flag, check_integer, check_number
from espnet_residuals.residual.base import Residual
from espnet_residuals.residual.registration import register_residual


@register_residual("decay", "D")
class DecayResidual(Residual):
    r"""Residual connection that decays with depth: :math:`\alpha x + \beta y`.

    With ``i`` the index of the sublayer, counted from 1,

    .. math::
        \beta = (i + \text{offset})^{-\text{power}}, \qquad
        \alpha = \sqrt{1 - \beta^2} \ \text{(l2)} \quad\text{or}\quad 1 - \beta.

    From the S4 authors' code (https://github.com/state-spaces/s4). With ``l2`` a sum
    of independent parts of variance 1 keeps variance 1; without, a sum of parts of
    equal mean keeps the mean. A stack of K sublayers with ``power=0.5, l2=True``
    returns :math:`\sum_i y_i / \sqrt{K}`, one with ``power=1, l2=False`` the mean of
    the :math:`y_i`: every sublayer has the same share of the output, however deep.

    At ``i_layer=1`` beta is 1 and alpha is 0, so the first sublayer passes on nothing
    of its input: the features reach the rest of the network only through that
    sublayer, and stochastic depth cannot be used there. The layers of this package
    start so that they hand the features on (:mod:`espnet_residuals.start`); with a
    layer that does not, training may not get started. ``offset=1`` keeps part of the
    input at every sublayer, as if it were itself the output of one more layer.

    In a prenorm stack LayerNorm takes every common factor of the stream out again.
    Both of the settings above are then, with ``offset=1``, the plain connection
    :math:`x + y`, but for LayerNorm's eps and a stream whose size does not grow with
    depth; without ``offset`` they are the plain connection without the features. Other
    powers are other models.

    Args:
        i_layer (int): Index of the sublayer in the stack, counted from 1.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``; may differ from ``d_input`` where
            alpha is 0.
        power (float): How fast beta falls with depth, >= 0.
        l2 (bool): Keep the variance (True) or the mean (False).
        offset (float): Added to ``i_layer``, >= 0.

    Raises:
        ValueError: If an option is out of range, or ``d_input`` is not ``d_model``
            where ``x`` is kept.

    Examples:
        >>> import torch
        >>> decay = DecayResidual(i_layer=2, d_input=10, d_model=10)
        >>> x, y = torch.randn(1, 10), torch.randn(1, 10)
        >>> decay(x, y).shape
        torch.Size([1, 10])
        >>> decay = DecayResidual(i_layer=2, d_input=3, d_model=3)
        >>> decay(torch.randn(5, 3), torch.randn(5, 3)).shape
        torch.Size([5, 3])
        >>> decay(torch.randn(5, 3), torch.randn(5, 4))
        Traceback (most recent call last):
            ...
        ValueError: x and y must match in shape, got x of [5, 3] and y of [5, 4]
        >>> decay = DecayResidual(i_layer=4, d_input=3, d_model=3, power=0.5, l2=False)
        >>> decay.alpha, decay.beta
        (0.5, 0.5)
    """

    def __init__(
        self,
        i_layer: int,
        d_input: int,
        d_model: int,
        *,
        power: float = 0.5,
        l2: bool = True,
        offset: float = 0,
    ) -> None:
        check_integer("i_layer", i_layer, minimum=1)
        power = check_number("power", power, minimum=0)
        check_flag("l2", l2)
        offset = check_number("offset", offset, minimum=0)
        beta = (i_layer + offset) ** -power
        super().__init__(i_layer, d_input, d_model, kept_weight(beta, l2), beta)
        self.power = power
        self.l2 = l2
        self.offset = offset

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"{super().extra_repr()}, power={self.power:.4g}, l2={self.l2}, "
            f"offset={self.offset:.4g}"
        )


def kept_weight(beta: float, l2: bool) -> float:
    """Return the weight of ``x`` that goes with that of ``y``.

    Args:
        beta (float): Weight of ``y``, from 0 to 1.
        l2 (bool): Keep the variance (True) or the mean (False).

    Returns:
        float: The weight.

    Examples:
        >>> round(kept_weight(0.6, l2=True), 3), kept_weight(0.6, l2=False)
        (0.8, 0.4)
    """
    return (1.0 - beta**2) ** 0.5 if l2 else 1.0 - beta
