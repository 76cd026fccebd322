"""Every residual function in every variant, for tests that hold for all of them."""

from functools import partial
from typing import Callable

import pytest

from espnet_residuals.residual import (
    Affine,
    DecayResidual,
    Feedforward,
    Highway,
    Residual,
)

FEATURES = 4

MakeResidual = Callable[[], Residual]


def _variant(cls: type[Residual], i_layer: int = 3, **options: object) -> MakeResidual:
    return partial(cls, i_layer, FEATURES, FEATURES, **options)


VARIANTS: dict[str, MakeResidual] = {
    "residual": _variant(Residual),
    "residual-weighted": _variant(Residual, alpha=0.6, beta=0.8),
    "residual-alpha-0": _variant(Residual, alpha=0.0),
    "affine": _variant(Affine),
    "affine-per-feature": _variant(Affine, alpha=0.5, scalar=False, gamma=0.5),
    "feedforward": _variant(Feedforward),
    "highway": _variant(Highway),
    "highway-elemwise": _variant(Highway, scaling_correction=True, elemwise=True),
    "decay": _variant(DecayResidual),
    "decay-first-layer": _variant(DecayResidual, i_layer=1),
    "decay-l1": _variant(DecayResidual, l2=False),
    "decay-offset": _variant(DecayResidual, i_layer=1, offset=1),
}

every_variant = pytest.mark.parametrize(
    "make", [pytest.param(make, id=name) for name, make in VARIANTS.items()]
)
