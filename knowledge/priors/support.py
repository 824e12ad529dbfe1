"""The sentences behind each sign: who voted, for or against, and where it stands."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.concepts import Concept
from knowledge.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Support:
    """One sentence that counts in one cell of the prior.

    Attributes:
        class_name: The class whose sign it counts for.
        concept_id: The concept.
        speaks: +1 for the class, -1 against it, 0 where it is only the quote behind the question.
        named: The class that the sentence names: the cell's own, its opposite or a rival; empty where it
            names none.
        passage_id: Where it stands.
        start: Character offset of the quote in the passage.
        quote: The sentence, verbatim.
        clause: The part of it that voted, verbatim.
    """

    class_name: str
    concept_id: str
    speaks: int
    named: str
    passage_id: str
    start: int
    quote: str
    clause: str


def quoted(concepts: Iterable[Concept], classes: Sequence[str], *, speaks: int = 0) -> Iterator[Support]:
    """The quotes that the questions rest on, for signs that no sentence voted on."""
    for concept in concepts:
        for each in concept.evidence:
            for name in classes:
                yield Support(
                    name, concept.id, speaks, "", each.passage_id, each.start, each.quote, each.quote
                )


def save_support(rows: Iterable[Support], path: Path) -> None:
    """Write JSON Lines."""
    write_text(path, "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows))


def load_support(path: Path) -> tuple[Support, ...]:
    """Read what `save_support` wrote."""
    if not path.is_file():
        raise KnowledgeError(f"There are no sentences behind the prior at {path}; run the prior again.")
    with path.open(encoding="utf-8") as stream:
        return tuple(_parse(line, path, number) for number, line in enumerate(stream, 1))


def _parse(line: str, path: Path, number: int) -> Support:
    try:
        return Support(**json.loads(line))
    except (TypeError, ValueError) as error:
        raise KnowledgeError(
            f"Line {number} of {path} is no sentence behind a sign ({error}); run the prior again."
        ) from error
