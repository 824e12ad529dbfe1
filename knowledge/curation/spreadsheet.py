"""A bank with its signs as CSV: a row a concept, two columns a class, three a quotation."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from knowledge.atomic import write_text
from knowledge.concepts import Concept, ConceptBank, Evidence, Origin, concept_id
from knowledge.curation.sign_table import number
from knowledge.curation.signed_bank import AsOf, SignedBank
from knowledge.curation.table_rows import Row, read_rows
from knowledge.errors import KnowledgeError
from knowledge.priors.table import SOURCES, Override
from knowledge.spreadsheet_cells import guarded

AS_OF = "as of"
FIXED = ("id", "question", "origin", "query", "formerly", AS_OF)
SIGN, GIVEN_BY = "sign: ", "given by: "
QUOTE = ("quote", "passage", "start")
QUOTE_COLUMN = re.compile(r"quote (\d+)")
NOWHERE = -1
"""Start of a quote that a person added: it is looked up in the passages."""
Remarks = Mapping[str, Mapping[str, str]]
"""Further columns by concept id, for the reader; they are not read back."""


def write_csv(path: Path, signed: SignedBank, *, remarks: Remarks | None = None) -> None:
    """UTF-8 with a byte order mark, which spreadsheets need to read accents."""
    remarks = remarks or {}
    quotes = max((len(concept.evidence) for concept in signed.bank), default=0)
    further = tuple(dict.fromkeys(name for row in remarks.values() for name in row))
    text = io.StringIO(newline="")
    rows = csv.writer(text)  # ends lines with CR LF, and so quotes texts that hold either
    rows.writerow(map(guarded, _header(signed.classes, quotes, further)))
    signs = signed.by_cell()
    stamp = "" if signed.as_of is None else str(signed.as_of)
    for concept in signed.bank:
        texts = (
            concept.id,
            concept.question,
            concept.origin,
            concept.query,
            " ".join(concept.formerly),
            stamp,
        )
        given = [signs.get((concept.id, name)) for name in signed.classes]
        shown = remarks.get(concept.id, {})
        rows.writerow(
            [
                *map(guarded, texts),
                *(cell for sign in given for cell in _sign_cells(sign)),
                *(cell for n in range(quotes) for cell in _quote_cells(concept.evidence[n : n + 1])),
                *(guarded(shown.get(name, "")) for name in further),
            ]
        )
    write_text(path, "\ufeff" + text.getvalue())


def read_csv(path: Path) -> SignedBank:
    """What `write_csv` wrote, and a person may have edited; further columns are ignored.

    A row with an empty id is a new concept. A sign that differs from the one beside it under `given by` was
    set by the person who edited the file.

    Raises:
        KnowledgeError: No such file, a column is missing, or a row cannot be understood: its line is named.
    """
    header, rows = read_rows(path)
    if "question" not in header:
        raise KnowledgeError(f"{path} has no column `question`; its first line must name the columns.")
    classes = tuple(name.removeprefix(SIGN) for name in header if name.startswith(SIGN))
    quotes = [match[1] for name in header if (match := QUOTE_COLUMN.fullmatch(name))]
    lines: dict[str, int] = {}
    concepts = []
    signs: list[Override] = []
    as_of: AsOf | None = None
    for row in rows:
        as_of = _as_of(row, as_of)
        concept = _concept(row, quotes)
        if concept.id in lines:
            raise row.fault(f"repeats the concept {concept.id} of line {lines[concept.id]}; remove one")
        lines[concept.id] = row.line
        concepts.append(concept)
        signs += [sign for name in classes if (sign := _sign(row, concept.id, name)) is not None]
    return SignedBank(
        ConceptBank(tuple(concepts)),
        classes,
        tuple(signs),
        as_of,
        quoted=bool(quotes),
        lines=lines,
        place=str(path),
    )


def _header(classes: Sequence[str], quotes: int, further: Sequence[str]) -> list[str]:
    signs = [name for each in classes for name in (SIGN + each, GIVEN_BY + each)]
    return [*FIXED, *signs, *(f"{name} {n}" for n in range(1, quotes + 1) for name in QUOTE), *further]


def _sign_cells(sign: Override | None) -> tuple[str, str]:
    return (number(sign.sign), f"{sign.source} {number(sign.sign)}") if sign is not None else ("", "")


def _quote_cells(evidence: Sequence[Evidence]) -> tuple[str, str, str]:
    for each in evidence:
        return guarded(each.quote), guarded(each.passage_id), str(each.start)
    return "", "", ""


def _as_of(row: Row, before: AsOf | None) -> AsOf | None:
    """What the row says, or the rows before it: they may not say different things."""
    text = row.text(AS_OF)
    if not text.strip():
        return before
    try:
        found = AsOf.parse(text)
    except ValueError:
        raise row.fault(f"has `{text[:60]}` under `{AS_OF}`; leave it as exported") from None
    if before not in {None, found}:
        raise row.fault(f"is of another export than the rows before it (`{AS_OF}`); import one at a time")
    return found


def _concept(row: Row, quotes: Sequence[str]) -> Concept:
    question = row.text("question")
    if not question.strip():
        raise row.fault("has no question; give one, or remove the row")
    origin = row.text("origin") or "expert"
    if origin not in get_args(Origin):
        raise row.fault(f"has the origin `{origin}`; leave it as exported, or empty for a new concept")
    evidence = [each for n in quotes if (each := _evidence(row, n)) is not None]
    return Concept(
        row.text("id").strip() or concept_id(question),
        question,
        tuple(evidence),
        row.text("query"),
        origin,  # type: ignore[arg-type]  # checked above
        tuple(row.text("formerly").split()),
    )


def _evidence(row: Row, n: str) -> Evidence | None:
    quote, passage, start = row.text(f"quote {n}"), row.text(f"passage {n}"), row.number(f"start {n}")
    if not quote.strip():
        return None
    if start is not None and start != int(start):
        raise row.fault(f"has {start} under `start {n}`; give a whole number, or leave it empty")
    return Evidence(passage, quote, NOWHERE if start is None else int(start))


def _sign(row: Row, concept: str, class_name: str) -> Override | None:
    sign = row.number(SIGN + class_name)
    if sign is None:
        return None
    if not -1 <= sign <= 1:
        raise row.fault(f"has the sign {sign:g} for {class_name}; give a number from -1 to 1")
    source, _, exported = row.text(GIVEN_BY + class_name).partition(" ")
    unchanged = source in SOURCES and exported == number(sign)
    return Override(class_name, concept, sign, source if unchanged else "expert")
