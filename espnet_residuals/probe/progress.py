"""A progress bar for those who wait."""

from types import TracebackType
from typing import Optional

from tqdm import tqdm

PATIENCE = 2.0


class Progress:
    """Shows itself on a terminal after two seconds; never in a file or a pipe."""

    def __init__(self) -> None:
        self._bar = tqdm(desc="probe", delay=PATIENCE, disable=None, leave=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._bar.close()

    def expect(self, steps: int) -> None:
        """Say how many steps there are in all.

        Args:
            steps (int): Their number.
        """
        self._bar.total = steps

    def advance(self) -> None:
        """Take one step."""
        self._bar.update()
