"""What an NPLR kernel stands for: a state, multiplied by a full matrix at every step.

Built from the parameters alone, by textbook formulas (Gu et al., ICLR 2022): A is a
diagonal minus a low-rank matrix over both halves of the conjugate pairs, discretised by
the bilinear rule. All in float64, and differentiable.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def parameters_of(kernel: nn.Module) -> dict[str, Tensor]:
    """Return copies of a kernel's parameters in float64 that gather gradients."""
    return {
        name: value.detach().double().clone().requires_grad_()
        for name, value in kernel.named_parameters()
    }


def response(named: Mapping[str, Tensor], length: int, prepared: int = 0) -> Tensor:
    """Run the state from an impulse.

    Args:
        named (Mapping[str, Tensor]): Parameters of ``SSKernelNPLR``, by their names,
            for as many models as features.
        length (int): Number of steps.
        prepared (int): Length L for which ``C`` is prepared: it then holds
            C (1 - A^L), with the discrete A.

    Returns:
        Tensor: Values, (channels, d_model, length).
    """
    poles = torch.complex(-named["inv_w_real"].exp(), named["w_imag"])
    w, B, P, C = (
        torch.cat([half, half.conj()], dim=-1)
        for half in (poles, *(torch.view_as_complex(named[name]) for name in "BPC"))
    )
    A = torch.diag_embed(w) - torch.einsum("rhn,rhm->hnm", P, P.conj())
    one = torch.eye(w.size(-1), dtype=w.dtype)
    half_step = named["log_dt"].exp()[:, None, None] / 2 * A
    step = torch.linalg.solve(one - half_step, one + half_step)
    dt_B = named["log_dt"].exp()[:, None] * B[0]
    state = torch.linalg.solve(one - half_step, dt_B.unsqueeze(-1))
    if prepared:
        rest = one - torch.linalg.matrix_power(step, prepared)
        C = torch.linalg.solve(rest, C.unsqueeze(-2), left=False).squeeze(-2)
    values = []
    for _ in range(length):
        values.append(torch.einsum("chn,hn->ch", C, state.squeeze(-1)).real)
        state = step @ state
    return torch.stack(values, dim=-1)
