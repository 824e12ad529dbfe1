"""Reads lexicon files: clinical terms with the phrases that reports use for them.

A file holds `[classes]` (word classes for phrases) and three kinds of entries. `[[term]]` is a finding with
`phrases` and `broader` terms (a consolidation is an opacity). `[[statement]]` is a normal statement with the
terms that it `denies`. `[[modifier]]` is a side, place or quality that narrows a finding.
"""

import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from knowledge.annotation.data_files import data_text
from knowledge.annotation.phrases import PhraseIndex, phrase_words
from knowledge.errors import KnowledgeError


class Kind(Enum):
    """What an entry of the lexicon is."""

    FINDING = "term"
    STATEMENT = "statement"
    MODIFIER = "modifier"


@dataclass(frozen=True, slots=True)
class Term:
    """One entry.

    Attributes:
        name: Unique among the loaded files.
        kind: Finding, normal statement or modifier.
        phrases: How reports and questions word it (see `knowledge.annotation.phrases`).
        broader: Terms that hold whenever this one does.
        denies: Findings that a normal statement excludes.
        hides: Terms whose mention inside this one does not count (`effusion` in `pericardial effusion`).
    """

    name: str
    kind: Kind
    phrases: tuple[str, ...]
    broader: tuple[str, ...] = ()
    denies: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """Terms of one or more files.

    Attributes:
        terms: In file order.
        classes: Name and words of the word classes, as written.
        digest: Of the files' text.
    """

    terms: tuple[Term, ...]
    classes: tuple[tuple[str, str], ...]
    digest: str

    @cached_property
    def by_name(self) -> dict[str, Term]:
        """Entries by name."""
        return {term.name: term for term in self.terms}

    @cached_property
    def index(self) -> PhraseIndex:
        """All phrases of all entries."""
        phrases = ((term.name, phrase) for term in self.terms for phrase in term.phrases)
        return PhraseIndex(phrases, classes=dict(self.classes))

    @cached_property
    def broader(self) -> dict[str, frozenset[str]]:
        """For each entry, itself and everything that holds whenever it does."""
        return {term.name: frozenset(self._upwards(term.name)) for term in self.terms}

    @cached_property
    def narrower(self) -> dict[str, frozenset[str]]:
        """For each entry, itself and everything that implies it."""
        return {
            name: frozenset(other for other, above in self.broader.items() if name in above)
            for name in self.broader
        }

    @cached_property
    def denied_by(self) -> dict[str, tuple[str, ...]]:
        """For each finding, the normal statements that exclude it."""
        pairs = [(finding, term.name) for term in self.terms for finding in term.denies]
        return {finding: tuple(name for other, name in pairs if other == finding) for finding, _ in pairs}

    @cached_property
    def wording(self) -> dict[str, frozenset[str]]:
        """For each entry, the stems that its phrases and those of its broader terms name."""
        own = {
            name: frozenset(
                word for phrase in term.phrases for word in phrase_words(phrase, dict(self.classes))
            )
            for name, term in self.by_name.items()
        }
        return {
            name: frozenset().union(*(own[other] for other in above)) for name, above in self.broader.items()
        }

    def _upwards(self, name: str) -> set[str]:
        above = {name}
        for parent in self.by_name[name].broader:
            above |= self._upwards(parent)
        return above


def load_lexicon(*sources: str | Path) -> Lexicon:
    """Lexicon from files and from the names of shipped ones (`chest_xray`, `skin`)."""
    texts = [_read(source) for source in sources]
    files = [_parse(source, text) for source, text in zip(sources, texts, strict=True)]
    classes = {name: words for file, _ in files for name, words in file.items()}
    terms = [term for _, entries in files for term in entries]
    _check(terms)
    digest = hashlib.sha256("\x00".join(texts).encode()).hexdigest()
    return Lexicon(tuple(terms), tuple(classes.items()), digest)


def _read(source: str | Path) -> str:
    if isinstance(source, str) and not source.endswith(".toml"):
        text = data_text(source)
        if text is None:
            raise KnowledgeError(
                f"there is no lexicon named {source!r}; use chest_xray, skin or a path to a .toml file"
            )
        return text
    try:
        return Path(source).read_text("utf-8")
    except OSError as error:
        raise KnowledgeError(
            f"the lexicon {source} cannot be read ({error.strerror}); check the path"
        ) from error


def _parse(source: str | Path, text: str) -> tuple[dict[str, str], list[Term]]:
    try:
        content = tomllib.loads(text)
        terms = [_term(kind, entry) for kind in Kind for entry in content.get(kind.value, [])]
    except tomllib.TOMLDecodeError as error:
        raise KnowledgeError(f"the lexicon {source} is not valid TOML: {error}") from error
    except (KeyError, TypeError) as error:
        raise KnowledgeError(
            f"an entry of the lexicon {source} has a missing or unknown key ({error}); "
            "compare it with chest_xray.toml"
        ) from error
    return content.get("classes", {}), terms


def _term(kind: Kind, entry: dict[str, object]) -> Term:
    lists = {key: tuple(value) for key, value in entry.items() if isinstance(value, list)}
    return Term(str(entry["name"]), kind, **lists)


def _check(terms: Sequence[Term]) -> None:
    names: set[str] = set()
    for term in terms:
        if term.name in names:
            raise KnowledgeError(f"the lexicon term {term.name!r} is given twice; merge the two entries")
        names.add(term.name)
    for term in terms:
        for other in (*term.broader, *term.denies, *term.hides):
            if other not in names:
                raise KnowledgeError(
                    f"the lexicon term {term.name!r} points to {other!r}, which no file defines; add it"
                )
    _check_order({term.name: term.broader for term in terms})


def _check_order(broader: dict[str, tuple[str, ...]]) -> None:
    """Takes away terms whose broader terms are all gone; what stays lies on a circle."""
    left = dict(broader)
    while done := [name for name, above in left.items() if not any(other in left for other in above)]:
        for name in done:
            del left[name]
    if left:
        raise KnowledgeError(
            f"the lexicon term {next(iter(left))!r} is broader than itself; break the circle of `broader`"
        )
