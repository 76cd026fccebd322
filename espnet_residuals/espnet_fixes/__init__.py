"""Opt-in corrections of ``espnet2.asr.state_spaces``, in place.

Files: ``cauchy``, ``nodes``, ``vandermonde``, ``unused`` and ``hypotheses`` each hold
what stands in for one function of ESPnet's; ``fix`` puts them there; ``nplr_kernel``
measures whether ESPnet's kernel is right, and warns if not. docs/upstream.md describes
the faults.
"""

from espnet_residuals.espnet_fixes.fix import fix_state_spaces

__all__ = ["fix_state_spaces"]
