"""The residual connection through the gates of a recurrent unit."""

import pytest
import torch
from torch import nn

from espnet_residuals.residual import GRUGate
from tests.residual.espnet_init import every_init, initialised


def with_cell(gate: GRUGate) -> nn.GRUCell:
    """Return torch's cell with the same parameters.

    Its update gate is the share of the old state, ours that of the new: the signs turn.
    """
    d = gate.d_model
    cell = nn.GRUCell(d, d)
    cell.weight_ih.data = torch.cat(
        [gate.Wr.weight, -gate.Wz.weight, gate.Wh.weight]
    ).detach()
    cell.weight_hh.data = torch.cat(
        [gate.Ur.weight, -gate.Uz.weight, gate.Uh.weight]
    ).detach()
    nn.init.zeros_(cell.bias_hh)
    nn.init.zeros_(cell.bias_ih)
    cell.bias_ih.data[d : 2 * d] = gate.bias.detach()
    return cell


def test_result_is_that_of_a_gru_cell_where_the_reset_gate_is_open() -> None:
    """torch resets behind the matrix and the paper before: with r = 1 they agree."""
    gate = GRUGate(1, 4, 4)
    gate.Wr.weight.data = 1e4 * torch.eye(4)
    x, y = torch.randn(7, 4), torch.rand(7, 4) + 0.1
    torch.testing.assert_close(gate(x, y), with_cell(gate)(y, x))


def test_result_is_the_formula_of_the_paper() -> None:
    gate = GRUGate(1, 4, 4).double()
    nn.init.normal_(gate.bias)
    x, y = torch.randn(2, 7, 4).double()
    w = {name: parameter.detach() for name, parameter in gate.named_parameters()}
    r = 1 / (1 + torch.exp(-(y @ w["Wr.weight"].T + x @ w["Ur.weight"].T)))
    z = 1 / (1 + torch.exp(-(y @ w["Wz.weight"].T + x @ w["Uz.weight"].T - w["bias"])))
    h = torch.tanh(y @ w["Wh.weight"].T + (r * x) @ w["Uh.weight"].T)
    torch.testing.assert_close(gate(x, y), (1 - z) * x + z * h)


def test_gate_starts_nearly_shut() -> None:
    gate = GRUGate(1, 64, 64)
    x, y = torch.randn(2, 1000, 64)
    for parameter in (gate.Wz.weight, gate.Uz.weight):
        nn.init.zeros_(parameter)
    h = torch.tanh(gate.Wh(y) + gate.Uh(torch.sigmoid(gate.Wr(y) + gate.Ur(x)) * x))
    share = torch.sigmoid(torch.tensor(-2.0))
    torch.testing.assert_close(gate(x, y), (1 - share) * x + share * h)


@every_init
def test_bias_survives_espnets_init(init: str) -> None:
    """ESPnet sets every parameter to 0 whose name holds ``.bias``."""
    assert initialised(GRUGate(1, 3, 3, bias=1.5), init).bias.tolist() == [1.5] * 3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_stays_near_the_truth(dtype: torch.dtype) -> None:
    gate = GRUGate(1, 8, 8).to(dtype)
    x, y = torch.randn(2, 50, 8).to(dtype)
    result = gate(x, y)
    truth = gate.double()(x.double(), y.double())
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.double(), truth, rtol=tolerance, atol=tolerance)
