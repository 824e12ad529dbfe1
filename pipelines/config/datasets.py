"""Where the images come from."""

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from pipelines.config.section import Name, Section


class ExpertColumnSection(Section):
    """A column in which experts answered a question for each image."""

    column: str
    """Name of the column."""
    question: str
    """The yes/no question that it answers."""
    yes: tuple[str, ...]
    """Levels that mean yes."""
    no: tuple[str, ...]
    """Levels that mean no."""
    unknown: tuple[str, ...] = ()
    """Levels that mean neither."""


class DataSet(Section):
    """Images with labels, attributes and reports, from a table or from a folder a class."""

    name: Name
    """Prefix of the image ids."""
    manifest: Path | None = None
    """CSV or Parquet with a row an image, relative to the configuration file."""
    folder: Path | None = None
    """A folder with a sub-folder for each class, instead of a manifest."""
    image: str = "image"
    """Column with the path of the image, relative to the manifest."""
    id: str | None = None
    """Column with the image id; the path where absent."""
    label: str | None = None
    """Column with the class."""
    label_map: dict[str, str] = {}
    """Class name by value of the label column; values not named are left out."""
    patient: str | None = None
    """Column with the patient (or study, or lesion): such images never straddle two parts."""
    report: tuple[str, ...] = ()
    """Columns whose text describes the image."""
    external_llm_allowed: bool = False
    """Whether these reports may be sent to a language model on another machine; their terms of use say so."""
    attributes: tuple[str, ...] = ()
    """Columns that splits may use as domain."""
    where: dict[str, tuple[str, ...]] = {}
    """Keep only rows whose column has one of these values."""
    half: Literal["first", "second"] | None = None
    """Keep the half of the patients whose hashed id is even (first) or odd (second)."""
    expert_columns: tuple[ExpertColumnSection, ...] = ()
    """Columns used directly as annotations."""

    @model_validator(mode="after")
    def _one_place(self) -> "DataSet":
        if (self.manifest is None) == (self.folder is None):
            raise ValueError(f"data set {self.name!r} needs either `manifest` or `folder`")
        return self
