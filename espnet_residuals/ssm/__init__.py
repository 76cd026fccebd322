"""The state-space layers S4D and Mamba-2, in plain PyTorch.

Files of S4D, from the parameters outward: ``spectrum`` (where A starts),
``discretization`` (from A and dt to one step), ``vandermonde`` (from one step to the
whole kernel), ``kernel`` (the parameters), ``convolution`` (kernel and input), ``s4d``
(the layer); ``autocast`` keeps the arithmetic of all of them out of half precision,
``cache`` remembers kernels while the parameters stay the same, ``marked`` says what the
optimizer is to know of parameters.

Files of Mamba-2: ``ssd`` (the scan in chunks), ``selective_scan`` (one direction),
``gated_norm``, ``mamba2`` (the layer); ``scan_power`` and ``mirrored_gate`` are its
start.
"""

from espnet_residuals.ssm.kernel import S4DKernel
from espnet_residuals.ssm.mamba2 import Mamba2
from espnet_residuals.ssm.s4d import S4D

__all__ = ["S4D", "Mamba2", "S4DKernel"]
