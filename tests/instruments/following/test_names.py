"""Names in event files: found again, and sorted by depth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet_residuals.instruments.following.names import name_of, parse_name


@given(
    st.integers(1, 2000),
    st.integers(0, 2000),
    st.sampled_from(["share", "learned_Wx.bias"]),
)
def test_name_is_parsed_back(i_layer: int, deeper: int, quantity: str) -> None:
    name = name_of(quantity, i_layer, i_layer + deeper)
    assert parse_name(name) == (quantity, i_layer)


def test_names_of_a_quantity_sort_by_depth() -> None:
    names = [name_of("share", i, 96) for i in range(1, 97)]
    assert sorted(names) == names


@pytest.mark.parametrize(
    "name", ["train/loss", "layer_share", "layer_share/x", "x/layer_a/1"]
)
def test_other_names_are_left_alone(name: str) -> None:
    assert parse_name(name) is None
