"""A public data set: facts about it, and a reader of the folder that its owner hands out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.datasets.library.columns import ImageColumns

Access = Literal["open", "registration", "agreement", "credentialed"]
"""Open to all; after signing up; after signing an agreement; for named, trained users alone."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ClassCount:
    """How many images of a class the owner has published.

    Attributes:
        name: The class, as the reader writes it into `label`, or a finding.
        images: Number published; None where it was not verified.
    """

    name: str
    images: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a data set without its images.

    Attributes:
        name: Short name on the command line, e.g. `nih-chestxray14`.
        title: As its owner calls it.
        modality: What the images are, e.g. `chest X-ray`, `dermoscopy`.
        classes: Values of `label`.
        findings: Columns that hold 1, 0 or nothing (unknown) for each image; several may be 1.
        attributes: Columns that a split may take as domain.
        images: Published number of images; None where it was not verified.
        patients: Published number of patients; None where unknown or not verified.
        licence: As its owner states it.
        access: How it is had.
        terms: What its owner asks of those who use it, in a sentence or two.
        citation: The paper to cite.
        url: The owner's page.
        layout: The files below the folder that is given to the reader.
        has_reports: Whether free text comes with the images.
        external_llm_allowed: Whether that text may go to a language model on another machine.
        notes: What a reader of the numbers should know: label noise, copies, unverified facts.
    """

    name: str
    title: str
    modality: str
    classes: tuple[ClassCount, ...]
    licence: str
    access: Access
    terms: str
    citation: str
    url: str
    layout: str
    findings: tuple[ClassCount, ...] = ()
    attributes: tuple[str, ...] = ()
    images: int | None = None
    patients: int | None = None
    has_reports: bool = False
    external_llm_allowed: bool = False
    notes: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set that can be read from a local copy; nothing is ever downloaded.

    Attributes:
        facts: What is known of it.
        read: From the folder to its columns. Raises `ModelsError` where the folder has not that layout.
        unpack: For sets that may keep pixels inside an archive: from (source, target, progress) to the folder
            that `read` takes, after writing image files and a table below `target` where that is needed; None
            where the images always are files.
    """

    facts: Facts
    read: Callable[[Path], ImageColumns]
    unpack: Callable[[Path, Path, Progress | None], Path] | None = None
