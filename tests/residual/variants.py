"""Every residual function in every variant, for tests that hold for all of them."""

from functools import partial
from typing import Callable

import pytest

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
    "decay-schedule": _variant(DecaySchedule, n_layers=12),
    "decay-schedule-geometric": _variant(
        DecaySchedule, n_layers=12, shape="geometric", l2=False
    ),
    "depth-scaled": _variant(DepthScaled, n_layers=12),
    "deepnorm": _variant(DeepNorm, n_layers=12),
    "rezero": _variant(ReZero),
    "layerscale": _variant(LayerScale, init=0.3),
    # A floor that stands still: in training the result would change from call to call.
    "bypass": _variant(Bypass, floor_first=0.2),
    "gru": _variant(GRUGate),
    "laurel-rw": _variant(LaurelRW),
    "laurel-lr": _variant(LaurelLR, rank=2),
    "orthogonal": _variant(OrthogonalUpdate),
}

every_variant = pytest.mark.parametrize(
    "make", [pytest.param(make, id=name) for name, make in VARIANTS.items()]
)
