"""Settings that every test shares."""

import logging
import os
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

from tests.environment import Environment, install

settings.register_profile(
    "project", deadline=None, max_examples=50, derandomize="CI" in os.environ
)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def _seed_torch() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _enable_warnings() -> Iterator[None]:
    """Programs that a test calls, as those of benchmarks, turn warnings off."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the package, not editable."""
    return install(tmp_path_factory.mktemp("installed"))
