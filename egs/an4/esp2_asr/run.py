"""Run stages of the recipe; see README.md for the commands."""

import signal
import sys


def main() -> None:
    """Run them; end with 130 if interrupted."""
    # ESPnet3 imports it, and its handler ends with 0, as if all had been done.
    import dask_jobqueue  # noqa: F401

    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))

    from espnet3.systems.esp2_asr.system import ASRSystem
    from espnet3.systems.launch import launch

    launch(ASRSystem)


if __name__ == "__main__":
    main()
