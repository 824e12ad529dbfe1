"""Which records of all PubMed a user wants: by words of title and abstract, or by MeSH heading."""

import re
from dataclasses import dataclass
from functools import lru_cache

from knowledge.errors import KnowledgeError
from knowledge.sources.pubmed_records import PubmedRecord


@dataclass(frozen=True, slots=True)
class Selection:
    """A record is wanted where any word or any heading is met; with neither, each is.

    Attributes:
        words: Words or phrases, whole and regardless of case; a trailing `*` stands for any ending.
        mesh: Descriptors as MeSH spells them, regardless of case; narrower ones are not implied.
    """

    words: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(not each.strip(" *") for each in (*self.words, *self.mesh)):
            raise KnowledgeError(
                "A word or MeSH heading to select PubMed records by is empty: remove it or write it out."
            )

    def wants(self, record: PubmedRecord) -> bool:
        """Whether the record is to be kept."""
        if not self.words and not self.mesh:
            return True
        if self.mesh and not _lower(self.mesh).isdisjoint(each.lower() for each in record.mesh):
            return True
        if not self.words:
            return False
        words = _pattern(self.words)
        return words.search(record.title) is not None or any(
            words.search(section.text) for section in record.sections
        )


@lru_cache(maxsize=8)
def _lower(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(each.lower() for each in names)


@lru_cache(maxsize=8)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    each = (r"\s+".join(re.escape(part) for part in word.split()).replace(r"\*", r"\w*") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(each)})(?!\w)", re.IGNORECASE)
