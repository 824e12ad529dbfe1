"""Finds the images that are one picture: near in the features, and equal in their detail."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from models.features.table import FeatureTable
from models.images import ImageRecord
from models.splits.checks.near.agreement import agreements
from models.splits.checks.near.neighbours import nearest_pairs
from models.splits.checks.near.thumbnails import Thumbnails

ONE_PICTURE = 0.85  # agreement; docs/statistics.md has what copies and what different images reach
PAIRS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two images that are one picture.

    Attributes:
        first, second: Image ids, the smaller first.
        agreement: Correlation of their detail once one is laid over the other.
    """

    first: str
    second: str
    agreement: float


def near_duplicates(
    table: FeatureTable,
    records: Sequence[ImageRecord],
    *,
    contents: Mapping[str, str],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[NearPair, ...]:
    """Pairs of images whose files differ and whose pictures do not: encoded again, resized, slightly cropped.

    Candidates are the nearest neighbours in the features; each is laid over its partner pixel by pixel, for
    images of one kind all look alike to a network. Mirrored and turned copies are not looked for. A temporary
    file takes 16 KB an image.

    Args:
        table: Features of the images; records without a vector are left out.
        records: Images to compare with each other, each id once.
        contents: Digest of each image's file; of equal files only the first is compared.
        progress: Called with (candidate pairs done, candidate pairs).
    """
    first = {contents[record.id]: record for record in reversed(records)}
    place = {image: row for row, image in enumerate(table.ids)}
    distinct = sorted((r for r in first.values() if r.id in place), key=lambda record: record.id)
    rows = np.array([place[record.id] for record in distinct], dtype=np.intp)
    pairs = nearest_pairs(table.values, rows)
    found: list[NearPair] = []
    with TemporaryFile() as store:
        thumbnails = Thumbnails(store)
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            block = pairs[start : start + PAIRS_AT_ONCE]
            found += agreeing(distinct, block, thumbnails)
            if progress is not None:
                progress(start + len(block), len(pairs))
    return tuple(found)


def agreeing(
    records: Sequence[ImageRecord], pairs: NDArray[np.intp], thumbnails: Thumbnails
) -> list[NearPair]:
    """Those of some pairs `(m, 2)` that are one picture."""
    small = thumbnails.of(records[place].path for place in pairs.ravel().tolist())
    both = [(records[one], records[two]) for one, two in pairs.tolist()]
    both = [(one, two) for one, two in both if one.path in small and two.path in small]
    if not both:
        return []
    reached = agreements(
        np.stack([small[one.path] for one, _ in both]), np.stack([small[two.path] for _, two in both])
    )
    return [
        NearPair(one.id, two.id, round(float(agreement), 3))
        for (one, two), agreement in zip(both, reached, strict=True)
        if agreement >= ONE_PICTURE
    ]
