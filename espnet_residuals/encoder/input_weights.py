"""Weights of a subsampling: so large that training changes them slowly, and centred."""

import torch
from torch import Tensor, nn

from espnet_residuals.start.power import power, spread


@torch.no_grad()
def draw_input_weights_(subsampling: nn.Module, d_model: int) -> float:
    r"""Draw convolutions and maps as torch does, but large and blind to what is shared.

    A step of Adam changes every weight by about the learning rate, however large the
    weight is. Torch draws the weights of a map of n inputs with variance :math:`1 / (3
    n)`: behind a subsampling n is in the thousands, and a few steps turn its output,
    which sums inputs of one sign, into something that is the same in all frames. So
    weights get at least the variance 1 / ``d_model``, and a constant factor behind them
    takes it back, as in Karras et al., "Progressive Growing of GANs" (ICLR 2018,
    https://arxiv.org/abs/1710.10196). And behind an activation the rows of a weight
    have the sum 0, which takes out the mean of what the activation gives.

    Args:
        subsampling (nn.Module): The layers, in the order in which they run, with ReLU
            for their activation; changed in place.
        d_model (int): Number of features of the stream.

    Returns:
        float: How many times the output is larger than as torch draws them, in root
        mean square, expected over the weights.

    Examples:
        >>> layers = nn.Sequential(nn.Linear(30, 3000), nn.ReLU(), nn.Linear(3000, 10))
        >>> round(draw_input_weights_(layers, d_model=10), 2)
        74.24
        >>> weight = layers[2].weight
        >>> round(weight.var().item(), 2), weight.sum(dim=1).abs().max().item() < 0.01
        (0.1, True)
    """
    factor, behind_activation = 1.0, False
    for module in subsampling.modules():
        if isinstance(module, nn.ReLU):
            behind_activation = True
        elif isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            module.reset_parameters()
            inputs = module.weight[0].numel()
            larger = max(1.0, (3 * inputs / d_model) ** 0.5)
            factor *= larger
            if behind_activation and inputs > 1:
                _centre_(module.weight)
                factor *= (spread(torch.relu) / power(torch.relu)) ** 0.5
            module.weight.mul_(larger)
            if module.bias is not None:
                module.bias.mul_(factor)
    return factor


def _centre_(weight: Tensor) -> None:
    """Take the mean out of each output's weights; their variance stays."""
    rows = weight.flatten(1)
    inputs = rows.size(1)
    rows.sub_(rows.mean(dim=1, keepdim=True)).mul_((inputs / (inputs - 1)) ** 0.5)
