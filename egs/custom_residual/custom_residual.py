"""A residual function of one's own, known to every YAML once it is installed."""

from espnet_residuals import Residual


class Fading(Residual):
    """Residual connection whose branch weighs less at every sublayer."""

    def __init__(
        self, i_layer: int, d_input: int, d_model: int, factor: float = 0.9
    ) -> None:
        super().__init__(i_layer, d_input, d_model, beta=factor**i_layer)
