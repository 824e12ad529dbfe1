"""What every test may rely on: torchvision can be imported, and real data is found or honestly missing."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import models.torchvision_operators  # noqa: F401  # before anything imports torchvision
from pipelines.weights import cache_directory

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
SOAK = Path(__file__).parent / "soak"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Tests that take minutes run where they are named (`make soak`), not among all."""
    asked = any(Path(argument.split("::")[0]).resolve().is_relative_to(SOAK) for argument in config.args)
    return True if collection_path == SOAK and not asked else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data beside the repository; a test that asks for it is skipped without it."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    reason = f"no real data at {SHARED_DATA}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def fresh_cache(folder: Path) -> Path:
    """A cache folder that has only the named weights, which are fetched once for all tests."""
    weights = cache_directory() / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True)
    (folder / "weights").symlink_to(weights)
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests neither use nor fill the user's cache of features, vectors and replies."""
    cache = fresh_cache(tmp_path_factory.mktemp("cache") / "knobo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KNOBO_CACHE", str(cache))
        yield cache
