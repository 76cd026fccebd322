"""docs/routes.md shows no command that no test runs."""

from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.routes.page import headings

TESTS = [
    *Path(__file__).parent.glob("*.py"),
    ROOT / "tests" / "egs" / "test_mini_an4_recipe.py",
]


@pytest.mark.parametrize(
    "heading", [*headings("sh"), *headings("python"), *headings("yaml")]
)
def test_block_of_the_page_is_used_by_a_test(heading: str) -> None:
    assert any(f'"{heading}"' in path.read_text() for path in TESTS)
