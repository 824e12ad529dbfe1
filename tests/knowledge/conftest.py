"""What several tests of knowledge share: the real small language model, loaded once."""

import sys
from pathlib import Path

import pytest

sys.path.append(
    str(Path(__file__).parent)
)  # helper modules beside the tests; last, so that they shadow nothing


@pytest.fixture(scope="session")
def small_model_folder() -> Path:
    """Weights of SmolLM2 135M."""
    from pipelines.weights import find_weights

    return find_weights("smollm2-135m-instruct")
