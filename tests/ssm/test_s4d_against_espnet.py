"""The layer against ESPnet's ``S4(mode="diag")`` with the same parameters."""

import pytest
import torch
from espnet2.asr.state_spaces.s4 import S4

from espnet_residuals.ssm import S4D

D_MODEL, D_STATE = 16, 8


def pair_of_layers(
    bidirectional: bool, discretization: str, init: str
) -> tuple[S4D, S4]:
    theirs = S4(
        D_MODEL,
        d_state=D_STATE,
        mode="diag",
        measure=f"diag-{init}",
        disc=discretization,
        bidirectional=bidirectional,
        transposed=False,
    )
    ours = S4D(
        D_MODEL,
        d_state=D_STATE,
        bidirectional=bidirectional,
        init=init,
        discretization=discretization,
    )
    source = theirs.kernel.kernel
    with torch.no_grad():
        for name, tensor in (
            ("log_dt", source.log_dt),
            ("log_A_real", source.inv_A_real),
            ("A_imag", source.A_imag),
            ("B", source.B),
            ("C", source.C),
        ):
            getattr(ours.kernel, name).copy_(tensor)
        ours.D.copy_(theirs.D[0])
        ours.output_linear.load_state_dict(theirs.output_linear[0].state_dict())
    return ours, theirs


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("discretization", ["zoh", "bilinear"])
@pytest.mark.parametrize("init", ["lin", "inv", "legs"])
def test_same_parameters_give_same_output_and_gradient(
    bidirectional: bool, discretization: str, init: str
) -> None:
    torch.manual_seed(0)
    ours, theirs = pair_of_layers(bidirectional, discretization, init)
    for length in (1, 64, 65, 500):
        lengths = torch.tensor([length, max(1, length // 2), 1])
        valid = (torch.arange(length) < lengths[:, None]).unsqueeze(-1)
        grads = []
        outputs = []
        x = torch.randn(3, length, D_MODEL)
        for layer in (ours, lambda x, lengths: theirs(x, lengths=lengths)[0]):
            u = x.clone().requires_grad_()
            y = layer(u, lengths) * valid
            y.square().sum().backward()
            outputs.append(y)
            grads.append(u.grad)
        torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("init", ["lin", "inv", "legs"])
def test_eigenvalues_start_where_espnets_start(init: str) -> None:
    ours, theirs = pair_of_layers(False, "zoh", init)
    fresh = S4D(D_MODEL, d_state=D_STATE, init=init).kernel
    torch.testing.assert_close(
        fresh.A_imag[0].abs().sort().values,
        theirs.kernel.kernel.A_imag[0].abs().sort().values,
    )
    torch.testing.assert_close(fresh.log_A_real, theirs.kernel.kernel.inv_A_real)
