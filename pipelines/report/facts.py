"""What the data card and the model card say, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttributeCounts:
    """How many images of a data set have each value of an attribute; those without one are not counted."""

    name: str
    images: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DataFacts:
    """One data set of the run, in counts alone.

    Attributes:
        name: As the configuration calls it.
        images: Read into the run.
        patients: Different ones; 0 where none is named.
        without_patient: Images whose patient is not known.
        labels: Images by class; the empty name counts those without a label.
        attributes: In the order of the configuration.
        reports: Images that come with a report.
        grounds: Whether concepts were learnt from it.
        splits: Names of the splits that use it.
        selection: What of it was read, in words; empty for all.
    """

    name: str
    images: int
    patients: int
    without_patient: int
    labels: Mapping[str, int]
    attributes: tuple[AttributeCounts, ...]
    reports: int
    grounds: bool
    splits: tuple[str, ...]
    selection: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the model card."""

    topic: str
    words: str


@dataclass(frozen=True, slots=True)
class Cards:
    """Both cards.

    Attributes:
        data: One a data set, in the order of the configuration.
        model: How KnoBo was made, line by line.
    """

    data: tuple[DataFacts, ...] = ()
    model: tuple[Fact, ...] = ()


NO_CARDS = Cards()
"""Of a run of which nothing is known."""
