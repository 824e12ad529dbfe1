"""Which split answers for an image, and what part the image plays in it."""

from dataclasses import dataclass

from models.domains import DomainSplit
from pipelines.run import Run
from pipelines.stages.split import read_splits
from pipelines.what_if.heads import split_names

REPORTED = ("in_domain", "shifted")
SAID = {
    "train": "{split} was trained on this image: what it says of it tells nothing of new images.",
    "validation": "{split} chose its settings on this image, among others.",
    "in_domain": "An in-domain image of {split}, which it was not trained on.",
    "shifted": "A shifted image of {split}, which it was not trained on.",
}


@dataclass(frozen=True)
class AskedSplit:
    """A split and an image.

    Attributes:
        name: Of the split.
        part: That the image is in; none where the split does not have it.
        sentence: What that means for the answer.
    """

    name: str
    part: str | None
    sentence: str


def asked_split(run: Run, image: str, split: str | None) -> AskedSplit:
    """The split that is named; else one that reports the image, else one that has it, else the first.

    Raises:
        PipelineError: No such split.
    """
    names = split_names(run, split)
    places = [(each, part_of(each, image)) for each in read_splits(run) if each.name in names]
    having = [(each, part) for each, part in places if part is not None]
    reporting = [(each, part) for each, part in having if part in REPORTED]
    found, part = next(iter([*reporting, *having, *places]))
    return AskedSplit(found.name, part, sentence_of(found, part, named=split is not None))


def part_of(split: DomainSplit, image: str) -> str | None:
    """`train`, `validation`, `in_domain` or `shifted`."""
    return next((part for part, ids in split.parts.items() if image in ids), None)


def sentence_of(split: DomainSplit, part: str | None, *, named: bool) -> str:
    """For a person who reads the answer."""
    if part is not None:
        return SAID[part].format(split=split.name)
    classes = " or ".join(split.classes)
    if named:
        return f"The image is not in {split.name}, which tells {classes}."
    return f"No split has this image; {split.name}, the first, is asked, which tells {classes}."
