"""Settings that every test shares."""

import os

import pytest
import torch
from hypothesis import settings

settings.register_profile(
    "project", deadline=None, max_examples=50, derandomize="CI" in os.environ
)
settings.load_profile("project")


@pytest.fixture(autouse=True)
def _seed_torch() -> None:
    torch.manual_seed(0)
