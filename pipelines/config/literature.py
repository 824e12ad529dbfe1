"""Where the documents come from."""

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from pipelines.config.section import Name, Section


class RecordColumns(Section):
    """Which fields of a JSON Lines or CSV record hold what."""

    id: str
    """Identifier of the record."""
    id_prefix: str = ""
    """Put before every id, e.g. `pmid:`."""
    title: str | None = None
    """Title; none where the records have no title."""
    text: tuple[str, ...] = ()
    """Text fields, in reading order."""
    sections: str | None = None
    """A field with a list of {label, text}."""
    license: str | None = None
    """A field with the licence of the record."""


class LiteratureSource(Section):
    """One collection of documents."""

    name: Name
    """Shown wherever a passage is shown."""
    kind: Literal["pubmed_xml", "records", "markdown", "text"]
    """`records` is JSON Lines or CSV."""
    path: Path
    """File or folder, relative to the configuration file; `demo-handbook:chest_xray` names a shipped one."""
    license: str = "unknown"
    """Licence of the text."""
    fields: RecordColumns | None = None
    """For `records`."""

    @model_validator(mode="after")
    def _records_name_their_fields(self) -> "LiteratureSource":
        if (self.kind == "records") != (self.fields is not None):
            raise ValueError(
                f"literature source {self.name!r}: `fields` belongs to kind `records`, and only there"
            )
        return self
