"""The norm behind the scan of Mamba-2, with its gate."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5


class GatedRMSNorm(nn.Module):
    r"""Root-mean-square norm of :math:`y \cdot \mathrm{silu}(z)`, over the features.

    Dao and Gu (ICML 2024, https://arxiv.org/abs/2405.21060), section 7.1; the norm is
    that of Zhang and Sennrich (NeurIPS 2019, https://arxiv.org/abs/1910.07467).

    Args:
        d_model (int): Number of features.

    Examples:
        >>> y, z = torch.randn(2, 3, 8), torch.randn(2, 3, 8)
        >>> round(GatedRMSNorm(8)(y, z).square().mean().item(), 2)
        1.0
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d_model))

    def reset_parameters(self) -> None:
        """Set all weights to 1."""
        nn.init.ones_(self.weight)

    def espnet_initialization_fn(self) -> None:
        """Restore the weights, which ESPnet's ``init:`` sets to 0."""
        self.reset_parameters()

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        """Gate and normalise every frame, in the precision of ``y``.

        Args:
            y (Tensor): Values, (batch, length, d_model).
            z (Tensor): Gates before their activation, (batch, length, d_model).

        Returns:
            Tensor: The result, (batch, length, d_model), with the dtype of ``z``.
        """
        gated = y * F.silu(z.to(y.dtype))
        normed = F.rms_norm(gated, (y.size(-1),), self.weight.to(y.dtype), EPS)
        return normed.to(z.dtype)
