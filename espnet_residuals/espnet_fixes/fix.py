"""Put right, in place, what can be put right safely in ESPnet's S4 code."""

from contextlib import ExitStack
from typing import Any

from espnet_residuals.espnet_fixes.cauchy import cauchy
from espnet_residuals.espnet_fixes.hypotheses import batch_score
from espnet_residuals.espnet_fixes.nodes import nodes
from espnet_residuals.espnet_fixes.nplr_kernel import (
    TOLERANCE,
    falls_back,
    kernel_error,
)
from espnet_residuals.espnet_fixes.vandermonde import log_vandermonde


def fix_state_spaces() -> ExitStack:
    """Correct ESPnet's S4 layer and decoder in this process; its files stay.

    - ``mode: nplr`` without CUDA extension and pykeops: the kernel is right, in a
      fraction of the memory. What a model with a wrong kernel has learned is lost on
      the right one: use this for training from the start.
    - ``mode: nplr``: long kernels are exact to 1e-5 instead of 1e-3.
    - ``mode: diag`` without pykeops: the same kernel in a fraction of the time and
      memory.
    - ``mode: diag``: layers built from now on have no parameter without a gradient, so
      that distributed training needs no ``unused_parameters: true``.
    - ``S4Decoder``: in a beam, and in a batch of utterances, every hypothesis goes on
      from its own state, and no padding is attended to.

    Names, options and checkpoints stay as they are. Nothing happens unless it is
    called; each process of a training has to call it. A second call changes nothing.
    docs/upstream.md lists what it does not correct.

    Returns:
        ExitStack: Closing it, or leaving its ``with``, puts ESPnet's own back. It may
        be ignored.

    Raises:
        RuntimeError: If the kernel is wrong all the same: this ESPnet is another one
            than was corrected here. Everything is then as before.

    Examples:
        >>> from espnet2.asr.state_spaces import s4
        >>> with fix_state_spaces():
        ...     s4.log_vandermonde.__module__
        'espnet_residuals.espnet_fixes.vandermonde'
        >>> s4.log_vandermonde.__module__
        'espnet2.asr.state_spaces.s4'
    """
    with ExitStack() as undo:
        for owner, name, ours in _replacements():
            if getattr(owner, name) is not ours:
                undo.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, ours)
        if falls_back() and kernel_error() > TOLERANCE:
            raise RuntimeError(
                "fix_state_spaces() does not know this ESPnet: its NPLR kernel would "
                f"still differ from its recurrence by {kernel_error():.2g} of the "
                "norm. Nothing was changed; use the layer 's4d'."
            )
        return undo.pop_all()


def _replacements() -> list[tuple[Any, str, Any]]:
    """Return what to replace: its owner, its name, and what takes its place."""
    from espnet2.asr.decoder.s4_decoder import S4Decoder
    from espnet2.asr.state_spaces import s4

    from espnet_residuals.espnet_fixes.unused import init_diagonal_kernel

    replacements: list[tuple[Any, str, Any]] = [
        (s4.SSKernelNPLR, "_omega", nodes),
        (s4.SSKernelDiag, "__init__", init_diagonal_kernel),
        (S4Decoder, "batch_score", batch_score),
    ]
    if not s4.has_pykeops:
        replacements.append((s4, "log_vandermonde", log_vandermonde))
    if falls_back() and kernel_error() > TOLERANCE:
        replacements.append((s4, "cauchy_naive", cauchy))
    return replacements
