"""The power that a subsampling gives at its start, in closed form."""

from torch import nn

# What the stream starts with, beside branches that have the power 1 together.
STREAM_POWER = 0.25
# Of log-mel spectra without the mean of each utterance, about.
FEATURE_POWER = 8.0


def input_power(subsampling: nn.Module, power: float = FEATURE_POWER) -> float:
    r"""Return the mean square behind convolutions and maps as torch draws them.

    Torch draws weights and biases with variance :math:`1 / (3 n)`, for n inputs of an
    output. A map then takes the power p to :math:`(p + 1 / n) / 3`, expected over its
    weights, however the inputs are correlated; a ReLU halves it, as the signs of what
    it gets are even.

    Args:
        subsampling (nn.Module): The layers, in the order in which they run.
        power (float): Mean square of the features.

    Returns:
        float: The power, expected over the weights.

    Examples:
        >>> layers = nn.Sequential(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 8))
        >>> round(input_power(layers, power=1.0), 3)
        0.063
    """
    for module in subsampling.modules():
        if isinstance(module, nn.ReLU):
            power /= 2
        elif isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            inputs = module.weight[0].numel()
            power = (power + 1 / inputs) / 3
    return power
