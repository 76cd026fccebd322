"""The sum over poles that an NPLR kernel consists of."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from espnet_residuals.nn.transformed import is_transformed
from espnet_residuals.ssm.autocast import without_autocast


def cauchy(v: Tensor, z: Tensor, w: Tensor) -> Tensor:
    r"""Sum over poles that are stored as one of each conjugate pair.

    .. math::
        \sum_n \frac{v_n}{z - w_n} + \frac{\bar v_n}{z - \bar w_n}
        = 2 \sum_n \frac{z \Re v_n - \Re(v_n \bar w_n)}{(z - w_n)(z - \bar w_n)},

    the Cauchy kernel of Gu et al., ICLR 2022 (https://arxiv.org/abs/2111.00396). The
    fraction does not depend on ``v`` but for two real factors, so its reciprocal
    denominator is computed once for all ``v``, and a real matrix product sums.

    Args:
        v (Tensor): Residues, (..., d_model, n_pairs), complex.
        z (Tensor): Where to evaluate, (n_nodes,), complex.
        w (Tensor): Poles, (d_model, n_pairs), complex.

    Returns:
        Tensor: The sums, (..., d_model, n_nodes), complex.

    Examples:
        >>> v, z, w = (torch.tensor(c) for c in ([[1 + 2j]], [1j], [[-1 + 1j]]))
        >>> both = v / (z - w) + v.conj() / (z - w.conj())
        >>> torch.allclose(cauchy(v, z, w), both)
        True
    """
    pairs = _pairs(z, w.real.unsqueeze(-1), w.imag.unsqueeze(-1))
    factors = torch.stack([v.real, (v * w.conj()).real])
    with without_autocast(v.device):
        sums = torch.einsum("...hn,hnzc->...hzc", factors, torch.view_as_real(pairs))
    with_z, without_z = torch.view_as_complex(sums)
    return 2 * (z * with_z - without_z)


def _pairs(z: Tensor, w_real: Tensor, w_imag: Tensor) -> Tensor:
    if is_transformed():
        w = torch.complex(w_real, w_imag)
        return ((z - w) * (z - w.conj())).reciprocal()
    pairs: Tensor = _Pairs.apply(z, w_real, w_imag)
    return pairs


class _Pairs(torch.autograd.Function):
    """1 / ((z - w)(z - conj w)); keeps nothing of that size but the result."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, w_real: Tensor, w_imag: Tensor) -> Tensor:
        w = torch.complex(w_real, w_imag)
        pairs = (z - w).mul_(z - w.conj()).reciprocal_()
        ctx.save_for_backward(pairs, z, w_real, w_imag)
        return pairs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor]:
        # The denominator is z^2 - 2 z w_real + w_real^2 + w_imag^2.
        pairs, z, w_real, w_imag = ctx.saved_tensors
        inner = pairs.square().conj().mul(gradient)
        sums = inner.sum(-1, keepdim=True).real
        sums_with_z = (inner @ z.conj().unsqueeze(-1)).real
        return None, 2 * (sums_with_z - w_real * sums), -2 * w_imag * sums
