"""Finds the image of every line of a published split, and with it the attributes and the patient.

The files say neither; both come from the owner's table, by way of the records of the data sets.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from models.errors import ImageError, ModelsError
from models.images import ImageRecord, require_unique_ids
from models.splits.released.files import Entry, ReleasedSplit
from models.splits.released.sources import Source, key_in, named_image, source_of, without_suffix


@dataclass(frozen=True, slots=True)
class Joined:
    """A published split with its images.

    Attributes:
        split: As published.
        found: Entries with the record of their image, under the label that the split gives it.
        missing: Entries whose image is not among the records.
        conflicting: Ids of the images that the split lists under several classes.
        guessed: Images whose patient is a guess from the file name.
    """

    split: ReleasedSplit
    found: tuple[tuple[Entry, ImageRecord], ...]
    missing: tuple[Entry, ...]
    conflicting: frozenset[str]
    guessed: int

    def part(self, name: str) -> list[ImageRecord]:
        """The images of a part, each once, without those of contradictory class."""
        chosen: dict[str, ImageRecord] = {}
        for entry, record in self.found:
            if entry.part == name and record.id not in self.conflicting:
                chosen.setdefault(record.id, record)
        return list(chosen.values())


def join(split: ReleasedSplit, records: Sequence[ImageRecord]) -> Joined:
    """The images of a published split among the records of one or several data sets.

    An image is known by its name, wherever the file lies: owners and mirrors use other folders. Of a patient
    that the table does not give, the name is asked.

    Raises:
        ModelsError: No image of the split is there, or several images answer to one name.
    """
    require_unique_ids(records)
    index = records_by_key(records, sources={source_of(entry.path) for entry in split.entries})
    pairs = [(entry, index.get(key_of(entry.path))) for entry in split.entries]
    found = tuple((entry, as_listed(record, entry)) for entry, record in pairs if record is not None)
    if not found:
        folders = sorted({entry.path.split("/", 1)[0] for entry in split.entries})
        message = f"none of the {len(pairs)} images of the published split {split.name} is in the data"
        raise ModelsError(f"{message}; its images come from {', '.join(folders)}: add these data sets")
    labels: dict[str, set[str]] = {}
    for entry, record in found:
        labels.setdefault(record.id, set()).add(entry.label)
    guessed = {r.id for _, r in found if r.patient is not None and r.patient.startswith(GUESSED)}
    return Joined(
        split=split,
        found=found,
        missing=tuple(entry for entry, record in pairs if record is None),
        conflicting=frozenset(image for image, names in labels.items() if len(names) > 1),
        guessed=len(guessed),
    )


GUESSED = "by name: "


def as_listed(record: ImageRecord, entry: Entry) -> ImageRecord:
    """The record under the class of the split, with the patient of its name where the table has none."""
    named = named_image(entry.path).patient
    patient = record.patient or (f"{GUESSED}{named}" if named else None)
    return replace(record, label=entry.label, patient=patient)


def key_of(path: str) -> str:
    """What an image of a published split is looked up by."""
    source = source_of(path)
    return named_image(path).image if source else stem(path)


def records_by_key(
    records: Iterable[ImageRecord], *, sources: Iterable[Source | None]
) -> dict[str, ImageRecord]:
    """Records by every key that some data sets of a split know them by.

    Raises:
        ImageError: Two records have one key.
    """
    wanted = list(sources)
    index: dict[str, ImageRecord] = {}
    for record in records:
        for key in keys_of(record, wanted):
            if index.setdefault(key, record) is not record:
                both = f"{index[key].id} and {record.id}"
                fault = "answer to one name in a published split; give one of their data sets alone"
                raise ImageError(f"{both} {fault}", f"two images {fault}")
    return index


def keys_of(record: ImageRecord, sources: Iterable[Source | None]) -> set[str]:
    """The names by which a record may be asked for, from its path and its id."""
    names = [record.path.as_posix(), record.id.split("/", 1)[-1]]
    keys = {key_in(source, name) for source in sources if source for name in names} - {None}
    unknown = {stem(names[0])} if None in sources else set()
    return {key for key in keys if key is not None} | unknown


def stem(path: str) -> str:
    """Name of the file without its suffix, for data sets of unknown habits."""
    return without_suffix(path).rsplit("/", 1)[-1].casefold()
