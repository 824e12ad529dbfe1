"""Where the documents come from: files of several formats, PubMed by query, PubMed in bulk."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

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


class Source(Section):
    """What every collection of documents has."""

    name: Name
    """Shown wherever a passage is shown."""
    license: str = "unknown"
    """Licence of the text, where a document does not name its own."""


class FileSource(Source):
    """Files that lie somewhere."""

    kind: Literal["markdown", "text", "html", "epub", "pdf", "pubmed_xml", "pmc_nxml"]
    """Format of the files; `.gz` is read as well."""
    path: Path
    """File or folder, relative to the configuration file; `demo-handbook:chest_xray` names a shipped one."""


class RecordSource(Source):
    """JSON Lines or CSV, one document a record."""

    kind: Literal["records"]
    """JSON Lines, CSV or TSV."""
    path: Path
    """File or folder, relative to the configuration file."""
    fields: RecordColumns
    """Which fields hold what."""


class QuerySource(Source):
    """What PubMed finds for a query, through E-utilities."""

    kind: Literal["pubmed_query"]
    """Fetched once; with `knobo run --refresh` again, and then only what is new."""
    query: str
    """As typed into PubMed's search box."""
    email: str
    """Sent with every request, as NCBI asks."""
    api_key_env: str = "NCBI_API_KEY"
    """Environment variable with an NCBI key, if there is one: 10 requests a second instead of 3."""
    maximum: Annotated[int, Field(ge=1)] | None = None
    """Records at most in one fetch, a refresh adds its own: best matches up to 9,999, else the newest."""
    since: date | None = None
    """Records that entered PubMed on this day or later."""
    url: str = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/"
    """Where E-utilities answer; records of another address are kept apart."""
    license: str = "abstract: see its publisher"
    """Licence of the text."""

    def other_server(self) -> list[str]:
        """The address where it is not NCBI's own, which needs no telling."""
        return [] if self.url == type(self).model_fields["url"].default else [self.url]


class BulkSource(Source):
    """The annual baseline and the daily update files of PubMed."""

    kind: Literal["pubmed_bulk"]
    """Files named like `pubmed26n0001.xml.gz` with their `.md5`."""
    path: Path
    """Folder with the files, relative to the configuration file."""
    url: str | None = None
    """Where the files are fetched from; none reads what lies in the folder."""
    words: tuple[str, ...] = ()
    """Keep records with one of these words or phrases in title or abstract; `pneumo*` for any ending."""
    mesh: tuple[str, ...] = ()
    """And those with one of these MeSH headings; with neither, every record is kept."""
    connections: Annotated[int, Field(ge=1)] = 3
    """Files fetched at once."""
    workers: Annotated[int, Field(ge=1)] = 2
    """Files read at once."""
    license: str = "abstract: see its publisher"
    """Licence of the text."""


LiteratureSource = Annotated[
    FileSource | RecordSource | QuerySource | BulkSource, Field(discriminator="kind")
]
"""One collection of documents."""
