"""Where two priors differ, with the sentences that a clinician needs to settle it."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.concepts import ConceptBank
from knowledge.errors import KnowledgeError
from knowledge.priors.prior import Prior
from knowledge.priors.support import Support
from knowledge.spreadsheet_cells import guarded, unguarded

QUOTES = 3
"""Sentences shown on each side."""
BETWEEN = " | "


@dataclass(frozen=True, slots=True)
class Cell:
    """What one prior says of a class and a concept."""

    sign: float
    agreement: float
    votes: int
    source: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A class and a concept on which two priors differ.

    Attributes:
        class_name: The class.
        concept_id: The concept.
        kind: `opposite`, or `abstains` where one of the two gives no sign.
        first: What the prior in use says.
        second: What the other says.
        speaking_for: Some sentences for the class.
        speaking_against: Some against it.
    """

    class_name: str
    concept_id: str
    kind: str
    first: Cell
    second: Cell
    speaking_for: tuple[Support, ...]
    speaking_against: tuple[Support, ...]


def disagreements(
    first: Prior, second: Prior, support: Iterable[Support] = (), *, quotes: int = QUOTES
) -> tuple[Disagreement, ...]:
    """Cells of both priors whose signs differ, opposite ones first, then in the order of the first prior."""
    sides: dict[tuple[str, str, bool], list[Support]] = defaultdict(list)
    for row in support:
        if row.speaks:
            sides[row.class_name, row.concept_id, row.speaks > 0].append(row)
    found = []
    for name in (each for each in first.classes if each in second.classes):
        for concept_id in (each for each in first.concept_ids if each in second.concept_ids):
            ours, theirs = _cell(first, name, concept_id), _cell(second, name, concept_id)
            if _side(ours) != _side(theirs):
                found.append(
                    Disagreement(
                        name,
                        concept_id,
                        "opposite" if ours.sign * theirs.sign < 0 else "abstains",
                        ours,
                        theirs,
                        _some(sides[name, concept_id, True], quotes),
                        _some(sides[name, concept_id, False], quotes),
                    )
                )
    return tuple(sorted(found, key=lambda each: each.kind != "opposite"))


def save_disagreements(rows: Sequence[Disagreement], path: Path, *, bank: ConceptBank) -> None:
    """Write a CSV, a row a cell; each sentence is followed by the id of its passage in brackets."""
    question = {concept.id: concept.question for concept in bank}
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    cells = [
        f"{which}{part}" for which in ("", "other_") for part in ("sign", "agreement", "votes", "source")
    ]
    table.writerow(["class", "concept_id", "question", "kind", *cells, "for", "against"])
    for row in rows:
        said = [
            value
            for cell in (row.first, row.second)
            for value in (f"{cell.sign:g}", f"{cell.agreement:.3g}", cell.votes, cell.source)
        ]
        quotes = [
            guarded(BETWEEN.join(f"{each.quote} [{each.passage_id}]" for each in side))
            for side in (row.speaking_for, row.speaking_against)
        ]
        texts = map(guarded, (row.class_name, row.concept_id, question[row.concept_id]))
        table.writerow([*texts, row.kind, *said, *quotes])
    write_text(path, text.getvalue())


@dataclass(frozen=True, slots=True)
class WrittenDisagreement:
    """A row of the CSV; the sentences as they stand there, each followed by its passage."""

    class_name: str
    question: str
    kind: str
    first: Cell
    second: Cell
    speaking_for: tuple[str, ...]
    speaking_against: tuple[str, ...]


def load_disagreements(path: Path) -> tuple[WrittenDisagreement, ...]:
    """What `save_disagreements` wrote.

    Raises:
        KnowledgeError: No such file, or another one.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return tuple(_written(row) for row in csv.DictReader(stream))
    except (OSError, ValueError, KeyError) as error:
        raise KnowledgeError(
            f"{path} holds no disagreements of two priors ({type(error).__name__}); run the prior again."
        ) from error


def _written(row: Mapping[str, str]) -> WrittenDisagreement:
    first, second = (
        Cell(
            float(row[f"{which}sign"]),
            float(row[f"{which}agreement"]),
            int(row[f"{which}votes"]),
            row[f"{which}source"],
        )
        for which in ("", "other_")
    )
    sides = (
        tuple(quote for quote in unguarded(row[side]).split(BETWEEN) if quote) for side in ("for", "against")
    )
    return WrittenDisagreement(
        unguarded(row["class"]), unguarded(row["question"]), row["kind"], first, second, *sides
    )


def _cell(prior: Prior, name: str, concept_id: str) -> Cell:
    k, c = prior.classes.index(name), prior.concept_ids.index(concept_id)
    votes = 0 if prior.votes is None else int(prior.votes[k, c])
    return Cell(float(prior.sign[k, c]), float(prior.agreement[k, c]), votes, prior.source[k][c])


def _side(cell: Cell) -> int:
    return (cell.sign > 0) - (cell.sign < 0)


def _some(rows: Sequence[Support], number: int) -> tuple[Support, ...]:
    """The first sentences, each once."""
    return tuple({row.quote: row for row in reversed(rows)}.values())[::-1][:number]
