"""The plain residual connection, and the interface of all others."""

from typing import Optional

from torch import Tensor, nn

from espnet_residuals.config import ConfigError, check_number
from espnet_residuals.residual.mix import mix


class Residual(nn.Module):
    r"""Residual connection with constant weights: :math:`\alpha x + \beta y`.

    With ``alpha = beta = 1`` it is the connection of He et al., "Deep Residual
    Learning for Image Recognition" (CVPR 2016, https://arxiv.org/abs/1512.03385).

    It is also the base class of every other residual function, as in ESPnet. A
    subclass sets ``alpha`` and ``beta``, or overrides :meth:`forward`.

    Args:
        i_layer (Optional[int]): Index of the sublayer in the stack, counted from 1.
        d_input (int): Number of features of ``x``.
        d_model (int): Number of features of ``y``. It may differ from ``d_input``
            only where ``x`` is not kept, that is ``alpha = 0``.
        alpha (float): Weight of ``x``.
        beta (float): Weight of ``y``.

    Raises:
        ValueError: If ``x`` is kept and ``d_input`` is not ``d_model``.

    Examples:
        >>> import torch
        >>> residual = Residual(i_layer=1, d_input=8, d_model=8)
        >>> x, y = torch.ones(2, 5, 8), torch.ones(2, 5, 8)
        >>> residual(x, y).mean()
        tensor(2.)
    """

    def __init__(
        self,
        i_layer: Optional[int],
        d_input: int,
        d_model: int,
        alpha: float = 1.0,
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.i_layer = i_layer
        self.d_input = d_input
        self.d_model = d_model
        self.alpha = check_number("alpha", alpha)
        self.beta = check_number("beta", beta)
        if self.keeps_input and d_input != d_model:
            raise ConfigError(
                "",
                f"{type(self).__name__} keeps its input x, so d_input and d_model "
                f"must be equal, got d_input={d_input} and d_model={d_model}",
            )

    @property
    def d_output(self) -> int:
        """Number of features of the result."""
        return self.d_model

    @property
    def keeps_input(self) -> bool:
        """Whether anything of ``x`` reaches the result."""
        return self.alpha != 0.0

    def start_weights(self) -> tuple[float, float]:
        """Return how much ``x`` and ``y`` are enlarged at the start.

        Returns:
            tuple[float, float]: The largest weight of each, >= 0.
        """
        return abs(self.alpha), abs(self.beta)

    def forward(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Join the input and the output of a sublayer.

        Args:
            x (Tensor): Input of the sublayer, (batch, length, d_input); any leading
                dimensions will do. With ``transposed`` (batch, d_input, length).
            y (Tensor): Output of the sublayer, (batch, length, d_model); with
                ``transposed`` (batch, d_model, length).
            transposed (bool): Whether the features lie on the last but one dimension.

        Returns:
            Tensor: Input of the next sublayer, shaped as ``y``.

        Raises:
            ValueError: If the shapes of ``x`` and ``y`` do not match.
        """
        self.check_shapes(x, y, transposed)
        return mix(x, y, self.alpha, self.beta)

    def check_shapes(self, x: Tensor, y: Tensor, transposed: bool) -> None:
        """Refuse inputs that would broadcast.

        Args:
            x (Tensor): Input of the sublayer.
            y (Tensor): Output of the sublayer.
            transposed (bool): Whether the features lie on the last but one dimension.

        Raises:
            ValueError: If the shapes differ; where ``x`` is not kept, if they differ
                in more than the number of features.
        """
        features = -2 if transposed else -1
        if transposed and y.dim() < 2:
            raise ValueError(
                "transposed x and y must have at least 2 dimensions, got "
                f"x of {list(x.shape)} and y of {list(y.shape)}"
            )
        expected = list(x.shape)
        if not self.keeps_input and x.dim() == y.dim() and x.dim() > 0:
            expected[features] = y.size(features)
        if expected != list(y.shape):
            raise ValueError(
                "x and y must match in shape, got "
                f"x of {list(x.shape)} and y of {list(y.shape)}"
            )

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return (
            f"i_layer={self.i_layer}, d_model={self.d_model}, "
            f"alpha={self.alpha:.4g}, beta={self.beta:.4g}"
        )
