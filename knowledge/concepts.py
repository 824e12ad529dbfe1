"""Clinical concepts as yes/no questions, each with the sentences of the literature that it rests on."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from knowledge.atomic import write_text
from knowledge.errors import KnowledgeError

SLUG_LENGTH = 48
Origin = Literal["literature", "expert", "imported"]
"""Found in passages by the discovery, written by a person, or taken over from another bank."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verbatim quotation.

    Attributes:
        passage_id: The passage that is quoted.
        quote: Exactly `passage.text[start : start + len(quote)]`.
        start: Character offset of the quote in the passage.
    """

    passage_id: str
    quote: str
    start: int


@dataclass(frozen=True, slots=True)
class Concept:
    """One visual sign, asked as a yes/no question of an image.

    Attributes:
        id: Slug of the question and a short hash of it.
        question: E.g. `Is the costophrenic angle blunted?`.
        evidence: Quotations that support the question; empty only where a person or another bank asks it.
        query: The retrieval query that led to it.
        origin: Who brought it in.
        formerly: Ids of the concepts that were reworded or merged into it.
    """

    id: str
    question: str
    evidence: tuple[Evidence, ...]
    query: str
    origin: Origin = "literature"
    formerly: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one screening test; a concept is accepted when all five pass.

    Attributes:
        concept_id: The concept tested.
        test: One of `visual`, `leak_free`, `new`, `supported`, `groundable`.
        passed: Whether it passed.
        reason: One sentence a clinician can check.
    """

    concept_id: str
    test: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class BankDiff:
    """What changed from an earlier bank: ids in the order of the bank they stand in."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConceptBank:
    """Ordered concepts of one modality; the order is the column order of every matrix after it."""

    concepts: tuple[Concept, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for concept in self.concepts:
            if concept.id in seen:
                raise KnowledgeError(
                    f"The concept {concept.id} stands twice in the bank; remove one of the two."
                )
            seen.add(concept.id)

    def __len__(self) -> int:
        return len(self.concepts)

    def __iter__(self) -> Iterator[Concept]:
        return iter(self.concepts)

    @property
    def ids(self) -> tuple[str, ...]:
        """Concept ids in order."""
        return tuple(concept.id for concept in self.concepts)

    def __getitem__(self, concept_id: str) -> Concept:
        for concept in self.concepts:
            if concept.id == concept_id:
                return concept
        raise KnowledgeError(f"There is no concept {concept_id} among the {len(self)} of the bank.")

    def subset(self, ids: Sequence[str]) -> "ConceptBank":
        """The concepts named, in the order named."""
        by_id = {concept.id: concept for concept in self.concepts}
        missing = [each for each in ids if each not in by_id]
        if missing:
            raise KnowledgeError(
                f"{len(missing)} of {len(ids)} concepts asked for are not in the bank, first {missing[0]}."
            )
        return ConceptBank(tuple(by_id[each] for each in ids))

    def diff(self, other: "ConceptBank") -> BankDiff:
        """What this bank has and lacks compared with `other`, the earlier one."""
        ours, theirs = set(self.ids), set(other.ids)
        return BankDiff(
            added=_outside(self.ids, theirs),
            removed=_outside(other.ids, ours),
            kept=tuple(each for each in self.ids if each in theirs),
        )

    def save(self, path: Path) -> None:
        """Write JSON Lines, one concept a line, evidence and all."""
        write_text(
            path, "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in self.concepts)
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; a wrong line is named by its number."""
        if not path.is_file():
            raise KnowledgeError(f"There is no concept bank at {path}; run the discovery first.")
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise KnowledgeError(
                f"The bank {path} cannot be read ({error.strerror}); check its rights."
            ) from error
        except UnicodeDecodeError as error:
            raise KnowledgeError(
                f"{path} is no concept bank (not UTF-8 at byte {error.start}); restore the file or run the "
                "discovery again."
            ) from error
        lines = text.split("\n")  # splitlines() would break at U+2028 in a quote
        return cls(tuple(_parse(line, path, n) for n, line in enumerate(lines, 1) if line.strip()))


def make_concept(
    question: str, evidence: Sequence[Evidence], query: str, *, origin: Origin = "literature"
) -> Concept:
    """A concept named after its question: a readable slug, and a hash that tells apart equal slugs."""
    question = " ".join(question.split())
    return Concept(concept_id(question), question, tuple(evidence), query, origin)


def ids_by_former_id(concepts: Iterable[Concept]) -> dict[str, str]:
    """Id of today by every id that a concept has or had; today's own ids win."""
    concepts = tuple(concepts)
    former = {old: concept.id for concept in reversed(concepts) for old in concept.formerly}
    return former | {concept.id: concept.id for concept in concepts}


def concept_id(question: str) -> str:
    """What `make_concept` calls the concept of a question."""
    question = " ".join(question.split())
    slug = re.sub(r"[^a-z0-9]+", "-", question.lower()).strip("-")[:SLUG_LENGTH].strip("-")
    short_hash = hashlib.sha256(question.casefold().encode()).hexdigest()[:8]
    return f"{slug}-{short_hash}"


def parse_concept(row: Mapping[str, Any]) -> Concept:
    """A concept from the mapping that `dataclasses.asdict` made of it; earlier versions had fewer keys.

    Raises:
        KeyError: A key is missing.
        TypeError: A value is of the wrong kind.
        ValueError: A value is not among those allowed.
    """
    if not isinstance(row, Mapping):
        raise TypeError(f"a concept is an object, not {str(row)[:40]}")
    origin = row.get("origin", "literature")
    if origin not in get_args(Origin):
        raise ValueError(f"the origin {origin!r} is none of {', '.join(get_args(Origin))}")
    return Concept(
        str(row["id"]),
        str(row["question"]),
        tuple(Evidence(str(e["passage_id"]), str(e["quote"]), int(e["start"])) for e in row["evidence"]),
        str(row["query"]),
        origin,
        tuple(str(each) for each in row.get("formerly", ())),
    )


def _outside(ids: Sequence[str], others: Collection[str]) -> tuple[str, ...]:
    return tuple(each for each in ids if each not in others)


def _parse(line: str, path: Path, number: int) -> Concept:
    try:
        row = json.loads(line)
        json.dumps(row, ensure_ascii=False).encode()  # half a surrogate pair cannot be written again
        return parse_concept(row)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise KnowledgeError(
            f"Line {number} of {path} is no concept ({type(error).__name__}: {error}); "
            "correct or remove the line."
        ) from error
