"""The prior as a CSV that a clinician reads and edits, and the signs an expert sets."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from knowledge.atomic import write_text
from knowledge.concepts import ConceptBank, ids_by_former_id
from knowledge.concepts import concept_id as id_of
from knowledge.errors import KnowledgeError
from knowledge.priors.prior import Prior
from knowledge.spreadsheet_cells import guarded, unguarded

COLUMNS = ("class", "concept_id", "question", "sign", "agreement", "source", "votes")
SOURCES = frozenset({"corpus", "assumed", "language_model", "expert", "imported", "none"})
MOST_VOTES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Override:
    """A sign given to one class and concept: by an `expert`, or `imported` with another bank."""

    class_name: str
    concept_id: str
    sign: float
    source: str = "expert"


def save_prior(prior: Prior, path: Path, *, bank: ConceptBank) -> None:
    """Write one row a class and concept, with the question so that it can be read alone."""
    question = {concept.id: concept.question for concept in bank}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for k, name in enumerate(prior.classes):
        for c, concept_id in enumerate(prior.concept_ids):
            sign, agreement = float(prior.sign[k, c]), float(prior.agreement[k, c])
            votes = "" if prior.votes is None else int(prior.votes[k, c])
            origin = prior.source[k][c]
            texts = map(guarded, (name, concept_id, question[concept_id]))
            rows.writerow([*texts, f"{sign:g}", f"{agreement:.6g}", origin, votes])
    write_text(path, text.getvalue())


def load_prior(path: Path, *, classes: Sequence[str], bank: ConceptBank) -> Prior:
    """Read what `save_prior` wrote and a clinician may have edited; pairs without a row abstain."""
    shape = len(classes), len(bank)
    sign, agreement = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    votes, counted = np.zeros(shape, np.int32), False
    source = [["none"] * len(bank) for _ in classes]
    seen: dict[tuple[int, int], int] = {}
    columns = _columns(bank)
    for number, row in _rows(path, ("class", "concept_id", "sign")):
        k, c = _cell(row, path, number, classes, columns)
        if (k, c) in seen:
            raise KnowledgeError(
                f"Line {number} of {path} repeats class and concept of line {seen[k, c]}; remove one of them."
            )
        seen[k, c] = number
        sign[k, c] = _number(row, "sign", (-1, 1), path, number)
        agreement[k, c] = _number(row, "agreement", (0, 1), path, number) if row.get("agreement") else 1.0
        source[k][c] = _source(row, "expert" if sign[k, c] else "none", path, number)
        if row.get("votes"):
            votes[k, c], counted = _number(row, "votes", (0, MOST_VOTES), path, number), True
    origins = tuple(map(tuple, source))
    return Prior(tuple(classes), bank.ids, sign, agreement, origins, votes if counted else None)


def read_overrides(path: Path, *, classes: Sequence[str], bank: ConceptBank) -> tuple[Override, ...]:
    """Signs given: columns `class`, `sign`, `concept_id` or `question`, and a `source` other than expert."""
    found, columns = [], _columns(bank)
    for number, row in _rows(path, ("class", "sign")):
        k, c = _cell(row, path, number, classes, columns)
        sign = _number(row, "sign", (-1, 1), path, number)
        found.append(Override(classes[k], bank.ids[c], sign, _source(row, "expert", path, number)))
    return tuple(found)


def override(prior: Prior, overrides: Sequence[Override]) -> Prior:
    """The prior with the signs given in place of its own, each with its mark."""
    sign, agreement = prior.sign.copy(), prior.agreement.copy()
    source = [list(row) for row in prior.source]
    for each in overrides:
        k, c = prior.classes.index(each.class_name), prior.concept_ids.index(each.concept_id)
        sign[k, c], agreement[k, c], source[k][c] = each.sign, 1.0, each.source
    return replace(prior, sign=sign, agreement=agreement, source=tuple(map(tuple, source)))


def _rows(path: Path, needed: Sequence[str]) -> list[tuple[int, Mapping[str, str]]]:
    if not path.is_file():
        raise KnowledgeError(f"There is no table of signs at {path}; correct the path.")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise KnowledgeError(
                f"{path} has no column `{missing[0]}`; its first line must name {', '.join(needed)}."
            )
        return [(reader.line_num, _plain(row)) for row in reader]


def _plain(row: Mapping[str, str | None]) -> dict[str, str]:
    """Without the marks against formulas; further cells have no column and are left out."""
    return {name: unguarded(cell or "") for name, cell in row.items() if isinstance(name, str)}


def _columns(bank: ConceptBank) -> dict[str, int]:
    """Place in the bank by every id and question of a concept, those that it was made from included."""
    place = {name: column for column, name in enumerate(bank.ids)}
    names = {old: place[new] for old, new in ids_by_former_id(bank).items()}
    return names | {concept.question: place[concept.id] for concept in bank}


def _cell(
    row: Mapping[str, str], path: Path, number: int, classes: Sequence[str], columns: Mapping[str, int]
) -> tuple[int, int]:
    name = (row["class"] or "").strip()
    if name not in classes:
        raise KnowledgeError(
            f"Line {number} of {path} names the class `{name}`; the classes are {', '.join(classes)}."
        )
    wanted = (row.get("concept_id") or row.get("question") or "").strip()
    column = columns.get(wanted, columns.get(id_of(wanted)))
    if column is not None:
        return classes.index(name), column
    raise KnowledgeError(f"Line {number} of {path} names the concept `{wanted}`, which is not in the bank.")


def _source(row: Mapping[str, str], default: str, path: Path, number: int) -> str:
    source = row.get("source") or default
    if source not in SOURCES:
        raise KnowledgeError(
            f"Line {number} of {path} has the source `{source}`; use one of {', '.join(sorted(SOURCES))}."
        )
    return source


def _number(
    row: Mapping[str, str], column: str, bounds: tuple[float, float], path: Path, number: int
) -> float:
    text = (row[column] or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not bounds[0] <= value <= bounds[1]:
        raise KnowledgeError(
            f"Line {number} of {path} has the {column} `{text}`; "
            f"give a number from {bounds[0]} to {bounds[1]}."
        )
    return value
