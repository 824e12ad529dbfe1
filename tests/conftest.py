"""What every test may rely on: torchvision can be imported, and real data is found or honestly missing."""

import os
from pathlib import Path

import pytest

import models.torchvision_operators  # noqa: F401  # before anything imports torchvision

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data beside the repository; a test that asks for it is skipped without it."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    reason = f"no real data at {SHARED_DATA}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
