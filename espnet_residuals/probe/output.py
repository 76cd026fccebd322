"""Standard output, whatever the shell has made of it."""

import io
import os
import sys

from espnet_residuals.probe.failure import Exit, Failure


def open_output() -> None:
    """Let letters pass that the terminal's encoding lacks, as backslash escapes.

    Raises:
        Failure: If standard output is closed.
    """
    if sys.stdout is None:
        raise Failure(Exit.FILE, "cannot write the output: standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def leave_output() -> None:
    """Send what is still to be printed nowhere, or Python would fail at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
