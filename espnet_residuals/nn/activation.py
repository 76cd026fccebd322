"""The activations that an option may name."""

from typing import Any, Callable

import torch.nn.functional as F
from torch import Tensor

from espnet_residuals.config import check_choice

Activation = Callable[[Tensor], Tensor]

ACTIVATIONS: dict[str, Activation] = {"gelu": F.gelu, "swish": F.silu, "relu": F.relu}


def check_activation(key: str, value: Any) -> Activation:
    """Return the activation of a name.

    They are GELU (Hendrycks and Gimpel, 2016, https://arxiv.org/abs/1606.08415), Swish
    (Ramachandran et al., 2017, https://arxiv.org/abs/1710.05941) and ReLU.

    Args:
        key (str): Name of the option, for the message.
        value (Any): What was configured.

    Returns:
        Activation: The function, elementwise.

    Raises:
        ConfigError: If ``value`` is no name of an activation.

    Examples:
        >>> import torch
        >>> check_activation("activation", "relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return ACTIVATIONS[check_choice(key, value, ACTIVATIONS)]
