"""Weights of a subsampling so large that training changes them slowly."""

import torch
from torch import nn


@torch.no_grad()
def draw_large_(subsampling: nn.Module, d_model: int) -> float:
    r"""Draw convolutions and maps as torch does, but as large as those of the stack.

    A step of Adam changes every weight by about the learning rate, however large the
    weight is. Torch draws the weights of a map of n inputs with variance :math:`1 / (3
    n)`: behind a subsampling n is in the thousands, and a few steps turn its output,
    which sums inputs of one sign, into something that is the same in all frames. So
    weights get at least the variance 1 / ``d_model``, and a constant factor behind them
    takes it back, as in Karras et al., "Progressive Growing of GANs" (ICLR 2018,
    https://arxiv.org/abs/1710.10196).

    Args:
        subsampling (nn.Module): The layers, in the order in which they run, with
            activations that hand on a positive factor, as ReLU does; changed in place.
        d_model (int): Number of features of the stream.

    Returns:
        float: How many times the output is larger than as torch draws them.

    Examples:
        >>> layers = nn.Sequential(nn.Linear(3000, 10))
        >>> round(draw_large_(layers, d_model=10), 6)
        30.0
        >>> round(layers[0].weight.var().item(), 2)
        0.1
    """
    factor = 1.0
    for module in subsampling.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            module.reset_parameters()
            larger = max(1.0, (3 * module.weight[0].numel() / d_model) ** 0.5)
            factor *= larger
            module.weight.mul_(larger)
            if module.bias is not None:
                module.bias.mul_(factor)
    return factor
