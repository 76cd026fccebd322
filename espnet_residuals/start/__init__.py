r"""Where training starts: the principle that every layer of this package keeps.

A residual function may keep nothing of a sublayer's input, as ``decay`` does at its
first sublayer. The sublayer itself then has to hand the features on, and what comes
behind must not cover them. So at the start

1. **the direct path comes first.** What happens in a frame comes out in that frame. The
   state space adds little, and equally little for every feature, whatever dt: in
   ``s4d`` D is 1, and the kernel's gain is ``KERNEL_GAIN`` by the closed form of
   :func:`~espnet_residuals.ssm.kernel_gain.kernel_power`. In ``conv`` a frame's own tap
   is 1, and all others together have that gain.
2. **a branch has the power that it is asked for.** An input of power 1 (mean square,
   as LayerNorm leaves it) gives an output of power ``start_gain ** 2``, whatever the
   width and however the frames are correlated: maps are orthogonal, and the gains of
   activations and gates are those of :func:`~espnet_residuals.start.power.spread` and
   :func:`~espnet_residuals.start.gate.gate_power`, not tuned.
3. **what is the same in all features is not handed on.** An activation such as GELU has
   a mean, the same in every feature and frame. Maps behind an activation, and those
   of a subsampling too, have rows with the sum 0, which takes it out; else it would
   cover the frames in deep stacks, and CTC would learn a letter before the blank.
4. **all branches together weigh more than what they join.** Where a residual function
   keeps its input, ``start_gain`` is :math:`1 / \sqrt{K}` in a stack of K sublayers, of
   whatever kind, so that together they have power 1; with ``prenorm: false`` 1 / K, as
   :func:`~espnet_residuals.encoder.init_gain.branch_gain` says; where it keeps nothing,
   or makes the branch small by itself as ReZero does, 1. The stream starts with
   ``STREAM_POWER``, by the closed form of
   :func:`~espnet_residuals.encoder.input_power.input_power`. That is a choice: with 4
   times the power of all branches 48 sublayers learned more slowly than with as much,
   and than with a fifth of it.
5. **the features change no faster than what is made of them.** Adam moves every weight
   alike, so that the many small weights of a subsampling would turn its output into a
   constant in the first steps, in which CTC learns to say blank; with ``decay``, which
   has nothing else of the features, one training of three at 48 sublayers never came
   back. They start as large as the weights of the stack
   (:func:`~espnet_residuals.encoder.input_weights.draw_input_weights_`).

The constructor of a layer declares ``start_gain`` and the encoder hands it over: a
number, or None for the start that the layer had before this principle, which
``start: s4`` in the YAML asks for. A layer of one's own takes part by declaring it too.
"""

from espnet_residuals.start.gain import KERNEL_GAIN, check_start_gain
from espnet_residuals.start.gate import gate_power
from espnet_residuals.start.maps import centred_orthogonal_, orthogonal_
from espnet_residuals.start.power import power, spread

__all__ = [
    "KERNEL_GAIN",
    "centred_orthogonal_",
    "check_start_gain",
    "gate_power",
    "orthogonal_",
    "power",
    "spread",
]
