"""A linear map for gates, which must not change the dtype of the stream."""

import torch.nn.functional as F
from torch import Tensor, nn


class LinearInDtype(nn.Linear):
    """A linear map that works in the dtype of its input.

    Args: those of :class:`torch.nn.Linear`.

    Examples:
        >>> import torch
        >>> LinearInDtype(8, 4)(torch.ones(2, 8, dtype=torch.bfloat16)).dtype
        torch.bfloat16
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map the last dimension.

        Args:
            input (Tensor): Values, (..., in_features).

        Returns:
            Tensor: The result, (..., out_features), in the dtype of ``input``.
        """
        bias = self.bias
        return F.linear(
            input,
            self.weight.to(input.dtype),
            None if bias is None else bias.to(input.dtype),
        )
