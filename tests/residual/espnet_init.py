"""ESPnet's initialisation of a model, as its option ``init:`` runs it."""

import pytest
from espnet2.torch_utils.initialize import INITIALIZATIONS, initialize
from torch import nn

every_init = pytest.mark.parametrize("init", INITIALIZATIONS)


def initialised(module: nn.Module, init: str) -> nn.Module:
    """Return the module as part of a model that ESPnet has initialised."""
    model = nn.ModuleDict({"residual": module})
    initialize(model, init)
    return model["residual"]
