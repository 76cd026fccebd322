"""Train as ``espnet2.bin.asr_train``, and report what happens in every sublayer.

.. code-block:: sh

    python -m espnet_residuals.bin.asr_train --layer_stats_every 100 --config ...

The statistics go where ESPnet2's go: into ``train.log``, TensorBoard and ``images``.
"""

import argparse
from typing import Optional, Sequence

from espnet_residuals.instruments.following.espnet2 import ASRTask


def get_parser() -> argparse.ArgumentParser:
    """Return ESPnet2's parser with the option ``--layer_stats_every``.

    Returns:
        argparse.ArgumentParser: The parser.
    """
    parser: argparse.ArgumentParser = ASRTask.get_parser()
    return parser


def main(cmd: Optional[Sequence[str]] = None) -> None:
    """Train.

    Args:
        cmd (Optional[Sequence[str]]): The command line; None for that of the process.
    """
    ASRTask.main(cmd=cmd)


if __name__ == "__main__":
    main()
