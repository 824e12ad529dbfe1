"""What several tests of knowledge share: helper modules beside them, and the real small language model."""

import sys
from pathlib import Path
from typing import Any

import pytest

HERE = str(Path(__file__).parent)
sys.path.append(HERE)  # last, so that the helper modules shadow nothing


@pytest.fixture(scope="session")
def mind() -> Any:
    """SmolLM2 135M, loaded once, behind servers on loopback."""
    from loopback_server import NUMBERS, ONE, SNOW, RealMind

    from pipelines.weights import find_weights

    small = RealMind(find_weights("smollm2-135m-instruct"))
    small.learn(NUMBERS, ONE)
    small.write(SNOW, max_tokens=4, stop=(), temperature=0.0, seed=0)  # so that no probe is slow
    small.write(SNOW, max_tokens=1, stop=(), temperature=0.0, seed=0)
    small.top(SNOW, 20)
    return small
