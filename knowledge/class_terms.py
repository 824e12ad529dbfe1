"""The classes of a task as literature names them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from knowledge.vocabulary import stems


@dataclass(frozen=True)
class ClassTerms:
    """One class.

    Attributes:
        name: As in the labels, e.g. `no_finding`.
        synonyms: Other names, e.g. `no finding`, `clear lungs`; the name itself need not be repeated.
        normal: True for the class without disease: a sign of any disease speaks against it.
        general: True for the class of any disease (`abnormal`): such a sign speaks for it.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    normal: bool = False
    general: bool = False

    @cached_property
    def terms(self) -> tuple[tuple[str, ...], ...]:
        """Stems of the name and of each synonym, longest first."""
        texts = (re.sub(r"[_/\-]+", " ", text) for text in (self.name, *self.synonyms))
        found = {tuple(stems(text)) for text in texts}
        return tuple(sorted((each for each in found if each), key=lambda each: (-len(each), each)))

    def find(self, words: list[str]) -> tuple[int, int] | None:
        """Where the class is named among stems, as (start, end); None where it is not."""
        for term in self.terms:
            for start in range(len(words) - len(term) + 1):
                if tuple(words[start : start + len(term)]) == term:
                    return start, start + len(term)
        return None


def class_terms(names: Mapping[str, Iterable[str]]) -> tuple[ClassTerms, ...]:
    """Classes from a mapping of name to synonyms."""
    return tuple(ClassTerms(name, tuple(synonyms)) for name, synonyms in names.items())
