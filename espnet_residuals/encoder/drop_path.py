"""Stochastic depth: leave out the branch of whole sequences at random."""

from torch import Tensor, nn

from espnet_residuals.config import check_number


class DropPath(nn.Module):
    """Zero whole sequences in training; scale the others so that the mean stays.

    Huang et al., "Deep Networks with Stochastic Depth" (ECCV 2016,
    https://arxiv.org/abs/1603.09382).

    Args:
        rate (float): Probability of leaving a sequence out, 0 <= rate < 1.

    Raises:
        ValueError: If ``rate`` is out of range.

    Examples:
        >>> import torch
        >>> DropPath(0.5).eval()(torch.ones(2, 3)).sum()
        tensor(6.)
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = check_number("drop_path", rate, minimum=0, below=1)

    def forward(self, y: Tensor) -> Tensor:
        """Leave out sequences.

        Args:
            y (Tensor): Output of a layer, (batch, ...).

        Returns:
            Tensor: The same with some rows zero, shaped as ``y``.
        """
        if not self.training or self.rate == 0.0:
            return y
        kept = 1.0 - self.rate
        shape = (y.size(0),) + (1,) * (y.dim() - 1)
        return y * y.new_empty(shape).bernoulli_(kept).div_(kept)

    def extra_repr(self) -> str:
        """Return the settings that ``print(module)`` shows."""
        return f"rate={self.rate}"
