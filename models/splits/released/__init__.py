"""Split files as published with KnoBo: read without running them, looked at, and joined with the images."""

from models.splits.released.comparing import Compared, compare
from models.splits.released.domain import as_published, without_overlap
from models.splits.released.files import RELEASED_PARTS, Entry, ReleasedSplit, read_released
from models.splits.released.joining import Joined, join
from models.splits.released.overlap import Overlaps, inspect_released, listing_of_released, overlaps_of
from models.splits.released.published import PUBLISHED, Published, published_named

__all__ = [
    "PUBLISHED",
    "RELEASED_PARTS",
    "Compared",
    "Entry",
    "Joined",
    "Overlaps",
    "Published",
    "ReleasedSplit",
    "as_published",
    "compare",
    "inspect_released",
    "join",
    "listing_of_released",
    "overlaps_of",
    "published_named",
    "read_released",
    "without_overlap",
]
