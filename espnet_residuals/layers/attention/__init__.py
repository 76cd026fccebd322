"""Multi-head self-attention, with positions, limits and a start of its own.

``self_attention`` is the layer, ``relative_positions`` and ``rotary`` are what tells it
where a frame is, ``limits`` cuts long recordings into blocks, ``own_frame`` is the start.
"""

from espnet_residuals.layers.attention.self_attention import SelfAttention

__all__ = ["SelfAttention"]
