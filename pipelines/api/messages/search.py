"""Passages of the literature that a run rests on."""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictInt

from knowledge.passages import LAST_YEAR
from knowledge.retrieval.filters import Filter
from pipelines.api.messages import examples
from pipelines.api.messages.base import Message, shown
from pipelines.api.searching import Found


def whole(value: object) -> object:
    """An integer as JSON Schema has it: 5.0 is one, true and "5" are none."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(whole)
Label = Annotated[str, Field(min_length=1, max_length=200)]
Labels = Annotated[tuple[Label, ...], Field(max_length=50)]
Year = Annotated[StrictInt, Field(ge=0, le=LAST_YEAR), Whole]


class SearchRequest(Message):
    """A question to the literature; in a body and not in an address, which proxies would log."""

    model_config = shown(examples.search_request)

    query: Annotated[str, Field(min_length=1, max_length=1000)]
    """Plain words; nothing in them is syntax."""
    limit: Annotated[StrictInt, Field(ge=1, le=50), Whole] = 10
    """Passages to give."""
    sources: Labels = ()
    """Only these; all where none is named."""
    licenses: Labels = ()
    """Only these; all where none is named."""
    year_from: Year | None = None
    """First year of publication; passages without a year are left out then."""
    year_to: Year | None = None
    """Last year of publication; passages without a year are left out then."""
    retracted: StrictBool = True
    """False leaves retracted articles out."""

    @property
    def among(self) -> Filter:
        """The conditions."""
        return Filter(self.sources, self.licenses, self.year_from, self.year_to, self.retracted)


class FoundPassage(Message):
    """A passage that answers a query."""

    model_config = shown(examples.passage)

    rank: int
    """From 1, the best."""
    score: float
    """The larger the better; comparable within one answer only."""
    id: str
    """Of the passage."""
    title: str
    """Of the document; may be empty."""
    quote: str
    """Its sentence that shares most words with the query, verbatim."""
    text: str
    """All of it."""
    source: str
    """Name of the literature source."""
    locator: str
    """The place there, e.g. a PMID and a section."""
    license: str
    """Of the text."""
    year: int | None
    """Of publication, where the source names it."""
    retracted: bool
    """Whether the article has been retracted."""

    @classmethod
    def of(cls, found: Found) -> Self:
        """From what the index said."""
        passage = found.passage
        return cls(
            rank=found.rank,
            score=found.score,
            id=passage.id,
            title=passage.title,
            quote=found.quote,
            text=passage.text,
            source=passage.source,
            locator=passage.locator,
            license=passage.license,
            year=passage.year,
            retracted=passage.retracted,
        )


class SearchResult(Message):
    """Passages, the best first."""

    model_config = shown(examples.search_result)

    request: str
    """Number of the request."""
    run: str
    """Name of the run whose index answers."""
    passages: tuple[FoundPassage, ...]
    """As many as were asked for, or as fit."""
