"""Construction: positional or by keyword, what is validated, and when."""

from typing import Any

import pytest
import torch

from espnet_residuals.residual import (
    Affine,
    Bypass,
    DecayResidual,
    DecaySchedule,
    DeepNorm,
    DepthScaled,
    Feedforward,
    GRUGate,
    Highway,
    LaurelLR,
    LaurelRW,
    LayerScale,
    OrthogonalUpdate,
    Residual,
    ReZero,
)

FROM_DEPTH = [DecaySchedule, DeepNorm, DepthScaled]
INDEPENDENT_OF_INDEX = [
    Residual,
    Affine,
    Feedforward,
    Highway,
    Bypass,
    GRUGate,
    LaurelLR,
    LaurelRW,
    LayerScale,
    OrthogonalUpdate,
    ReZero,
]
CLASSES = [DecayResidual, *INDEPENDENT_OF_INDEX]
NOT_A_NUMBER = [float("nan"), float("inf"), -float("inf"), "fast", None, True, [1], 1j]


@pytest.mark.parametrize("cls", CLASSES)
def test_construction_by_keyword_is_construction_by_position(
    cls: type[Residual],
) -> None:
    by_position: Any = cls(2, 10, 10)
    by_keyword: Any = cls(i_layer=2, d_input=10, d_model=10)
    assert repr(by_keyword) == repr(by_position)
    for module in (by_position, by_keyword):
        assert (module.i_layer, module.d_input, module.d_model) == (2, 10, 10)
        assert module.d_output == 10


def test_examples_of_the_documentation_run() -> None:
    decay = DecayResidual(i_layer=2, d_input=10, d_model=10)
    assert decay(torch.randn(1, 10), torch.randn(1, 10)).shape == torch.Size([1, 10])
    decay = DecayResidual(i_layer=2, d_input=3, d_model=3)
    assert decay(torch.randn(5, 3), torch.randn(5, 3)).shape == torch.Size([5, 3])
    with pytest.raises(ValueError, match=r"\[5, 3\].*\[5, 4\]"):
        decay(torch.randn(5, 3), torch.randn(5, 4))


@pytest.mark.parametrize("cls", CLASSES)
def test_transposed_may_be_left_out_or_given_by_keyword(cls: type[Residual]) -> None:
    module = cls(2, 4, 4).eval()
    x, y = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    torch.testing.assert_close(module(x, y), module(x, y, transposed=False))
    torch.testing.assert_close(module(x.mT, y.mT, transposed=True).mT, module(x, y))


@pytest.mark.parametrize("cls", INDEPENDENT_OF_INDEX)
def test_index_is_not_asked_for_where_the_formula_does_not_use_it(
    cls: type[Residual],
) -> None:
    module = cls(i_layer=None, d_input=4, d_model=4)
    assert module(torch.randn(2, 4), torch.randn(2, 4)).shape == (2, 4)


@pytest.mark.parametrize("i_layer", [0, -1, None, 1.5, 2.0, "2", True, float("nan")])
def test_wrong_index_is_refused_at_construction_where_the_formula_uses_it(
    i_layer: Any,
) -> None:
    """ESPnet divides by zero or turns complex later, in forward."""
    with pytest.raises(ValueError, match=f"i_layer.*integer >= 1.*got {i_layer!r}"):
        DecayResidual(i_layer, 4, 4)
    with pytest.raises(ValueError, match=f"i_layer.*integer >= 1.*got {i_layer!r}"):
        Affine(i_layer, 4, 4, gamma=0.5)


@pytest.mark.parametrize("n_layers", [None, 0, 1.5, "12", True])
@pytest.mark.parametrize("cls", FROM_DEPTH)
def test_depth_is_asked_for_where_the_formula_uses_it(cls: Any, n_layers: Any) -> None:
    with pytest.raises(ValueError, match=f"n_layers.*>= 1, got {n_layers!r}"):
        cls(1, 4, 4, n_layers=n_layers)


@pytest.mark.parametrize(
    ("cls", "option", "bad"),
    [
        (DepthScaled, "power", -1),
        (DepthScaled, "scale", 0),
        (DecaySchedule, "first", 0),
        (DecaySchedule, "last", 1.1),
        (DecaySchedule, "shape", "square"),
        (DecaySchedule, "l2", 1),
        (LayerScale, "init", 0),
        (LayerScale, "n_layers", 0),
        (Bypass, "start", 0),
        (Bypass, "floor_first", 1.1),
        (Bypass, "floor_last", 0.95),
        (Bypass, "steps", 0),
        (GRUGate, "bias", None),
        (LaurelLR, "rank", 0),
        (OrthogonalUpdate, "eps", 0),
    ],
)
def test_wrong_option_is_told_with_its_value(cls: Any, option: str, bad: Any) -> None:
    depth = {"n_layers": 12} if cls in FROM_DEPTH else {}
    with pytest.raises(ValueError, match=f"^{option}: must be .*got {bad!r}"):
        cls(1, 4, 4, **{**depth, option: bad})


@pytest.mark.parametrize("power", [*NOT_A_NUMBER, -1, -0.001])
def test_wrong_power_is_refused_at_construction(power: Any) -> None:
    """In ESPnet a negative power makes the output complex, and nan makes it nan."""
    with pytest.raises(ValueError, match="power.*finite number >= 0") as caught:
        DecayResidual(2, 4, 4, power=power)
    assert f"got {power!r}" in str(caught.value)


@pytest.mark.parametrize("offset", [*NOT_A_NUMBER, -1])
def test_wrong_offset_is_refused_at_construction(offset: Any) -> None:
    with pytest.raises(ValueError, match="offset.*finite number >= 0") as caught:
        DecayResidual(2, 4, 4, offset=offset)
    assert f"got {offset!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "option"),
    [
        (Residual, "alpha"),
        (Residual, "beta"),
        (Affine, "alpha"),
        (Affine, "beta"),
        (Affine, "gamma"),
    ],
)
@pytest.mark.parametrize("value", NOT_A_NUMBER)
def test_weight_that_is_no_finite_number_is_refused(
    cls: type[Residual], option: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"{option}.*finite number") as caught:
        cls(2, 4, 4, **{option: value})
    assert f"got {value!r}" in str(caught.value)


@pytest.mark.parametrize(
    ("cls", "option"),
    [
        (DecayResidual, "l2"),
        (Affine, "scalar"),
        (Highway, "scaling_correction"),
        (Highway, "elemwise"),
    ],
)
@pytest.mark.parametrize("value", [1, 0, "true", "no", None, 0.5])
def test_flag_that_is_neither_true_nor_false_is_refused(
    cls: type[Residual], option: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"{option}.*true or false") as caught:
        cls(2, 4, 4, **{option: value})
    assert f"got {value!r}" in str(caught.value)


def test_number_that_yaml_reads_as_text_is_taken_as_a_number() -> None:
    assert DecayResidual(2, 4, 4, power="5e-1").beta == 2**-0.5


@pytest.mark.parametrize(
    "make",
    [
        lambda: Feedforward(1, 6, 4),
        lambda: Residual(1, 6, 4, alpha=0.0),
        lambda: Affine(1, 6, 4, alpha=0.0, scalar=False),
        lambda: DecayResidual(1, 6, 4),
        lambda: DecayResidual(3, 6, 4, power=0.0),
    ],
)
@pytest.mark.parametrize("transposed", [False, True])
def test_number_of_features_may_change_where_x_is_not_kept(
    make: Any, transposed: bool
) -> None:
    module = make()
    x, y = torch.randn(2, 5, 6), torch.randn(2, 5, 4)
    if transposed:
        x, y = x.mT, y.mT
    assert module.d_output == 4
    assert not module.keeps_input
    torch.testing.assert_close(module(x, y, transposed), y)


@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (Residual, {}),
        (Residual, {"alpha": -1.0}),
        (Affine, {}),
        (Highway, {}),
        (Highway, {"elemwise": True}),
        (DecayResidual, {}),
    ],
)
def test_number_of_features_may_not_change_where_x_is_kept(
    cls: type[Residual], options: dict[str, Any]
) -> None:
    """ESPnet stops with an AssertionError that has no text."""
    with pytest.raises(ValueError, match=f"{cls.__name__}.*d_input=6.*d_model=4"):
        cls(2, 6, 4, **options)


def test_subclass_in_the_style_of_espnet_works() -> None:
    class Halving(Residual):
        def __init__(self, *args: Any, factor: float = 0.5) -> None:
            super().__init__(*args, beta=factor)  # type: ignore[misc]

    x, y = torch.ones(2, 4), torch.ones(2, 4)
    assert torch.equal(Halving(1, 4, 4, factor=0.25)(x, y), torch.full((2, 4), 1.25))
