"""What is known of one image of a data set."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import ImageError


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of an image.

    Attributes:
        id: `<data set>/<image id>`, unique in a run.
        path: Where the pixels are.
        label: Class name; None where unknown.
        attributes: Declared columns by name (domain attributes, expert concept columns); missing values are
            left out, never empty strings.
        patient: Patient (or study, case, lesion) id that must not straddle parts of a split; None if unknown.
        report: Free text about the image; None if there is none. Never logged.
    """

    id: str
    path: Path
    label: str | None
    attributes: Mapping[str, str]
    patient: str | None = None
    report: str | None = None


def require_unique_ids(records: Iterable[ImageRecord]) -> None:
    """Refuse two images of one id, as two manifests of one name would give."""
    twice = [image for image, count in Counter(record.id for record in records).items() if count > 1]
    if twice:
        counted, mend = f"{len(twice)} image ids occur twice", "name each manifest differently"
        raise ImageError(f"{counted} (first {twice[0]}); {mend}", f"{counted}; {mend}")
