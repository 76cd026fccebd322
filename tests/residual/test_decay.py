"""The weights of the decaying residual connection."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from espnet_residuals.residual import DecayResidual


@given(
    i_layer=st.integers(1, 1000),
    power=st.floats(0.0, 10.0),
    offset=st.one_of(st.integers(0, 10), st.floats(0.0, 10.0)),
    l2=st.booleans(),
)
def test_weights_follow_the_formula(
    i_layer: int, power: float, offset: float, l2: bool
) -> None:
    decay = DecayResidual(i_layer, 4, 4, power=power, l2=l2, offset=offset)
    total = decay.alpha**2 + decay.beta**2 if l2 else decay.alpha + decay.beta
    assert decay.beta == pytest.approx(math.exp(-power * math.log(i_layer + offset)))
    assert total == pytest.approx(1.0)
    assert 0.0 <= decay.alpha <= 1.0


def test_weights_default_to_those_of_the_documentation() -> None:
    decay = DecayResidual(i_layer=4, d_input=8, d_model=8)
    assert (decay.power, decay.l2, decay.offset) == (0.5, True, 0)
    assert decay.beta == 0.5
    assert decay.alpha == pytest.approx(math.sqrt(0.75))


@pytest.mark.parametrize("l2", [True, False])
@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_only_the_first_layer_keeps_nothing_of_x(power: float, l2: bool) -> None:
    """There, dropping the branch at random would leave an utterance with zeros."""
    kept = [DecayResidual(i, 4, 4, power=power, l2=l2).keeps_input for i in range(1, 9)]
    assert kept == [False] + [True] * 7
    assert DecayResidual(1, 4, 4, power=power, l2=l2, offset=1).keeps_input


@pytest.mark.parametrize("l2", [True, False])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_first_layer_does_not_pass_on_nan_of_x(bad: float, l2: bool) -> None:
    """Neither forward nor backward."""
    x = torch.full((2, 4), bad, requires_grad=True)
    y = torch.randn(2, 4, requires_grad=True)
    result = DecayResidual(1, 4, 4, l2=l2)(x, y)
    result.sum().backward()
    assert torch.equal(result, y)
    assert y.grad is not None and torch.equal(y.grad, torch.ones(2, 4))
    assert x.grad is None or torch.equal(x.grad, torch.zeros(2, 4))


def run_stack(
    x: Tensor, branches: list[Tensor], power: float, l2: bool, offset: int = 0
) -> Tensor:
    """Return the output of a prenorm stack whose sublayers give ``branches``."""
    for i_layer, y in enumerate(branches, start=1):
        decay = DecayResidual(i_layer, 4, 4, power=power, l2=l2, offset=offset)
        x = decay(x, y)
    return x


@given(n_layers=st.integers(1, 64), seed=st.integers(0, 2**32 - 1))
def test_every_sublayer_has_the_same_share_of_the_output(
    n_layers: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, *branches = torch.randn(
        n_layers + 1, 3, 4, generator=generator, dtype=torch.float64
    )
    total = torch.stack(branches).sum(0)

    mean = run_stack(x, branches, power=1.0, l2=False)
    torch.testing.assert_close(mean, total / n_layers)

    root_mean = run_stack(x, branches, power=0.5, l2=True)
    torch.testing.assert_close(root_mean, total / n_layers**0.5)


@given(n_layers=st.integers(1, 64), seed=st.integers(0, 2**32 - 1))
def test_offset_gives_the_input_the_share_of_a_sublayer(
    n_layers: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, *branches = torch.randn(
        n_layers + 1, 3, 4, generator=generator, dtype=torch.float64
    )
    total = x + torch.stack(branches).sum(0)

    mean = run_stack(x, branches, power=1.0, l2=False, offset=1)
    torch.testing.assert_close(mean, total / (n_layers + 1))

    root_mean = run_stack(x, branches, power=0.5, l2=True, offset=1)
    torch.testing.assert_close(root_mean, total / (n_layers + 1) ** 0.5)


def test_variance_stays_one_in_a_deep_l2_stack() -> None:
    x, *branches = torch.randn(65, 100, 100, 4)
    assert run_stack(x, branches, power=0.5, l2=True).var().item() == pytest.approx(
        1.0, abs=0.03
    )
