"""Starts of linear maps: the power that they leave, and what they are blind to."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from espnet_residuals.start import centred_orthogonal_, orthogonal_

sizes = st.integers(min_value=2, max_value=40)
gains = st.floats(min_value=0.01, max_value=10)


@given(n_in=sizes, extra=st.integers(min_value=0, max_value=60), gain=gains)
def test_every_single_input_leaves_a_tall_map_with_the_power_asked_for(
    n_in: int, extra: int, gain: float
) -> None:
    weight = torch.empty(n_in + extra, n_in)
    orthogonal_(weight, gain)
    x = torch.randn(5, n_in)
    expected = gain**2 * x.square().mean(dim=-1)
    torch.testing.assert_close((x @ weight.T).square().mean(dim=-1), expected)


@given(n_out=sizes, n_in=sizes, gain=gains)
def test_mean_power_over_all_inputs_is_the_one_asked_for(
    n_out: int, n_in: int, gain: float
) -> None:
    """For white input the power is the sum of squares of a row, on average."""
    weight = torch.empty(n_out, n_in)
    orthogonal_(weight, gain)
    got = weight.square().sum(dim=1).mean().item()
    assert got == pytest.approx(gain**2, rel=1e-4)


@given(n_out=sizes, n_in=sizes, gain=gains)
def test_a_centred_map_gives_nothing_for_what_all_features_share(
    n_out: int, n_in: int, gain: float
) -> None:
    weight = torch.empty(n_out, n_in)
    centred_orthogonal_(weight, gain)
    x = torch.randn(3, n_in)
    shifted = (x + 7.0) @ weight.T
    torch.testing.assert_close(shifted, x @ weight.T, rtol=1e-3, atol=1e-3 * gain)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_dtypes_and_memory_that_is_not_there_are_filled_too(
    dtype: torch.dtype,
) -> None:
    weight = torch.empty(64, 16, dtype=dtype)
    orthogonal_(weight, 1.0)
    gram = weight.float().T @ weight.float() / 4
    torch.testing.assert_close(gram, torch.eye(16), atol=2e-2, rtol=0)
    centred_orthogonal_(torch.empty(8, 8, dtype=dtype, device="meta"), 1.0)
