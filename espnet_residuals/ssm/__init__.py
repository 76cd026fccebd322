"""The diagonal state-space layer S4D, in plain PyTorch.

Files, from the parameters outward: ``spectrum`` (where A starts), ``discretization``
(from A and dt to one step), ``vandermonde`` (from one step to the whole kernel),
``kernel`` (the parameters), ``convolution`` (kernel and input), ``s4d`` (the layer);
``autocast`` keeps the arithmetic of all of them out of half precision, ``cache``
remembers kernels while the parameters stay the same.
"""

from espnet_residuals.ssm.kernel import S4DKernel
from espnet_residuals.ssm.mamba2 import Mamba2
from espnet_residuals.ssm.s4d import S4D

__all__ = ["S4D", "Mamba2", "S4DKernel"]
