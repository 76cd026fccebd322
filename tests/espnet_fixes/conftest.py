"""ESPnet with and without the corrections."""

from collections.abc import Iterator

import pytest

from espnet_residuals import fix_state_spaces


@pytest.fixture
def fixed() -> Iterator[None]:
    """Correct ESPnet's S4 layer during a test."""
    with fix_state_spaces():
        yield
