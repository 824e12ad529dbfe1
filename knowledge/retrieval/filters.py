"""Which passages a search may return: by source, year, licence and retraction."""

from dataclasses import dataclass

from knowledge.errors import KnowledgeError
from knowledge.passages import Passage

LAST_YEAR = 9999


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that all have to hold; the default lets every passage through.

    Attributes:
        sources: Names of literature sources, or none for all.
        licenses: Licences, spelled as the passages spell them, or none for all.
        year_from: First year of publication; a passage without a year is left out then.
        year_to: Last year of publication; a passage without a year is left out then.
        retracted: False leaves retracted articles out.
    """

    sources: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    retracted: bool = True

    def __post_init__(self) -> None:
        for year in (self.year_from, self.year_to):
            if year is not None and not 0 <= year <= LAST_YEAR:
                raise KnowledgeError(f"{year} is no year of publication: give one from 0 to {LAST_YEAR}.")

    @property
    def everything(self) -> bool:
        """Whether no passage can be left out."""
        return self == Filter()

    def admits(self, passage: Passage) -> bool:
        """Whether the passage fulfils every condition."""
        return (
            (not self.sources or passage.source in self.sources)
            and (not self.licenses or passage.license in self.licenses)
            and (self.retracted or not passage.retracted)
            and self._admits_year(passage.year)
        )

    def _admits_year(self, year: int | None) -> bool:
        if self.year_from is None and self.year_to is None:
            return True
        if year is None:
            return False
        return (self.year_from or year) <= year <= (self.year_to or year)
