"""Multi-head self-attention, with positions, limits and a start of its own.

``self_attention`` is the layer, ``heads`` what it computes with. ``relative_positions``
and ``rotary`` tell where a frame is, ``limits`` which frames it sees, ``blocks`` cuts
long recordings, ``state`` is what a stream keeps, and ``own_frame`` is where the
positions start.
"""

from espnet_residuals.layers.attention.self_attention import SelfAttention

__all__ = ["SelfAttention"]
