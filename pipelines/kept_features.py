"""Which of the image vectors kept across runs are still needed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from models.features.store import FeatureStore
from pipelines.errors import PipelineError
from pipelines.images_table import read_images

IMAGES = "images.parquet"


def prune_store(store: FeatureStore, encoders: Iterable[str], *, runs: Sequence[Path]) -> int:
    """Drops the vectors of encoders but for the images of runs; how many bytes this freed."""
    needed = frozenset(digest for run in runs for digest in digests_of(run))
    return sum(store.existing(encoder).prune(keep=needed) for encoder in encoders)


def digests_of(run: Path) -> tuple[str, ...]:
    """SHA-256 of the images of a run.

    Raises:
        PipelineError: It has no table of images.
    """
    if not (run / IMAGES).is_file():
        raise PipelineError(f"{run} has no {IMAGES}; name the directory of a run whose images were read")
    return read_images(run / IMAGES).digests
