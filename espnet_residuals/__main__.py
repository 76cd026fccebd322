"""``python -m espnet_residuals`` is ``espnet-residuals``."""

import sys

from espnet_residuals.cli import main

if __name__ == "__main__":
    sys.exit(main())
