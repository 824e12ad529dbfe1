"""What a data set says of its images, column by column, so that hundreds of thousands of rows stay small."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models.datasets.library.text_files import TextFiles
from models.errors import ModelsError
from models.images import ImageRecord


@dataclass(frozen=True, slots=True)
class ImageColumns:
    """Columns of equal length `(n,)`; an empty string means unknown, never no.

    Names and values that several sets share: `sex` F, M; `age` in years; `age_group`; `view` PA, AP, LL;
    `site`; `source` the hospital or device; `official_split` the owner's own division.

    Attributes:
        image: Path relative to the folder that was read, with slashes; empty where the owner's table names an
            image that is not at hand.
        id: Id of the image in its set.
        label: Class, for sets (or images) with exactly one; empty where unknown, uncertain or several.
        patient: Patient, lesion or study that must stay in one part of a split.
        report: Free text.
        findings: By name: `1`, `0`, or empty where unknown or uncertain.
        attributes: By name.
    """

    image: Sequence[str]
    id: Sequence[str]
    label: Sequence[str] = ()
    patient: Sequence[str] = ()
    report: Sequence[str] = ()
    findings: Mapping[str, Sequence[str]] = field(default_factory=dict)
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, column in self.by_name().items():
            assert len(column) == len(self.image), f"column {name} has another length than image"

    def __len__(self) -> int:
        return len(self.image)

    def by_name(self) -> dict[str, Sequence[str]]:
        """Every column that the set has, as a manifest names it."""
        single = {"image": self.image, "id": self.id, "label": self.label, "patient": self.patient}
        single["report"] = self.report
        there = {name: column for name, column in single.items() if len(column) or name in {"image", "id"}}
        return {**there, **self.attributes, **self.findings}

    def rows(self, wanted: Sequence[int]) -> "ImageColumns":
        """Some rows, in the order given."""

        def pick(column: Sequence[str]) -> Sequence[str]:
            if isinstance(column, TextFiles):
                return column.rows(wanted)
            return [column[row] for row in wanted] if len(column) else []

        return ImageColumns(
            image=pick(self.image),
            id=pick(self.id),
            label=pick(self.label),
            patient=pick(self.patient),
            report=pick(self.report),
            findings={name: pick(column) for name, column in self.findings.items()},
            attributes={name: pick(column) for name, column in self.attributes.items()},
        )

    def at_hand(self) -> "ImageColumns":
        """The rows whose image is there."""
        return self.rows([row for row, image in enumerate(self.image) if image])

    def records(self, root: Path, *, name: str) -> Iterator[ImageRecord]:
        """The images at hand, one by one; findings are among the attributes.

        Args:
            root: The folder that was read.
            name: Of the data set; it comes before every image and patient id.
        """
        extra = {**self.attributes, **self.findings}
        for row, image in enumerate(self.image):
            if image:
                yield ImageRecord(
                    id=f"{name}/{self.id[row]}",
                    path=root / image,
                    label=(self.label[row] or None) if len(self.label) else None,
                    attributes={key: column[row] for key, column in extra.items() if column[row]},
                    patient=f"{name}/{self.patient[row]}"
                    if len(self.patient) and self.patient[row]
                    else None,
                    report=(self.report[row] or None) if len(self.report) else None,
                )


def joined(tables: Sequence[ImageColumns]) -> ImageColumns:
    """Tables of the same columns one below the other.

    Raises:
        ModelsError: There is none.
    """
    if not tables:
        raise ModelsError("there is no table to read; check the folder")

    def below(columns: Sequence[Sequence[str]]) -> list[str]:
        return [cell for column in columns for cell in column]

    return ImageColumns(
        image=below([table.image for table in tables]),
        id=below([table.id for table in tables]),
        label=below([table.label for table in tables]),
        patient=below([table.patient for table in tables]),
        report=below([table.report for table in tables]),
        findings={key: below([table.findings[key] for table in tables]) for key in tables[0].findings},
        attributes={key: below([table.attributes[key] for table in tables]) for key in tables[0].attributes},
    )
