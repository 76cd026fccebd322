"""The kernel of a diagonal layer without a table of all its powers."""

import torch
from torch import Tensor

from espnet_residuals.ssm.autocast import without_autocast
from espnet_residuals.ssm.vandermonde import power_sums, whole_blocks


def log_vandermonde(v: Tensor, x: Tensor, length: int) -> Tensor:
    r"""Return :math:`2 \Re \sum_n v_n e^{x_n l}` for :math:`0 \le l <` ``length``.

    ESPnet's function of this name makes a table of d_model x n_pairs x length complex
    numbers; :func:`~espnet_residuals.ssm.vandermonde.power_sums` does without.

    Args:
        v (Tensor): Factors, (channels, d_model, n_pairs), complex.
        x (Tensor): Exponents, (d_model, n_pairs), complex.
        length (int): Number of values.

    Returns:
        Tensor: The sums, (channels, d_model, length), real.

    Examples:
        >>> v, x = torch.tensor([[[1 + 2j]]]), torch.tensor([[torch.pi * 0.5j]])
        >>> log_vandermonde(v, x, 4).round()
        tensor([[[ 2., -4., -2.,  4.]]])
    """
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    with without_autocast(v.device):
        sums = power_sums(
            v.real, v.imag, x.real.to(wide), x.imag.to(wide), whole_blocks(length)
        )
    return sums[..., :length]
