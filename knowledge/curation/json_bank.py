"""A bank with its signs as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knowledge.atomic import write_text
from knowledge.concepts import Concept, ConceptBank, concept_id, parse_concept
from knowledge.curation.signed_bank import AsOf, SignedBank
from knowledge.errors import KnowledgeError
from knowledge.priors.table import SOURCES, Override

SCHEMA = 1


def write_json(path: Path, signed: SignedBank) -> None:
    """Concepts with their quotations, each with its signs."""
    rows: list[dict[str, Any]] = []
    for concept in signed.bank:
        signs = [each for each in signed.signs if each.concept_id == concept.id]
        given = [{"class": each.class_name, "sign": each.sign, "source": each.source} for each in signs]
        rows.append({**asdict(concept), "signs": given})
    stamp = {"as_of": str(signed.as_of)} if signed.as_of is not None else {}
    values = {"schema": SCHEMA, **stamp, "classes": list(signed.classes), "concepts": rows}
    write_text(path, json.dumps(values, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> SignedBank:
    """What `write_json` wrote; a concept without an id is new.

    Raises:
        KnowledgeError: No such file, no JSON, or a concept cannot be understood: its place is named.
    """
    values = read_values(path)
    if not isinstance(values, dict) or not isinstance(values.get("concepts"), list):
        raise KnowledgeError(
            f"{path} has no list `concepts`; give a file that `knobo concepts export` wrote."
        )
    concepts: list[Concept] = []
    signs: list[Override] = []
    lines: dict[str, int] = {}
    for n, row in enumerate(values["concepts"], start=1):
        try:
            concept, given = _parse(row)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise KnowledgeError(
                f"Concept {n} of {path} cannot be understood ({type(error).__name__}: {error}); mend it."
            ) from error
        if concept.id in lines:
            raise KnowledgeError(
                f"Concept {n} of {path} repeats concept {lines[concept.id]}, {concept.id}; remove one."
            )
        lines[concept.id] = n
        concepts.append(concept)
        signs += given
    return SignedBank(
        ConceptBank(tuple(concepts)),
        tuple(dict.fromkeys((*_classes(values, path), *(each.class_name for each in signs)))),
        tuple(signs),
        _as_of(values, path),
        lines=lines,
        unit="Concept",
        place=str(path),
    )


def read_values(path: Path) -> Any:
    """The JSON of a file."""
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
        json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair cannot be written again
    except OSError as error:
        raise KnowledgeError(f"The file {path} cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:
        raise KnowledgeError(f"{path} is not JSON ({error}); mend it or export the bank again.") from error
    return values


def _classes(values: dict[str, Any], path: Path) -> tuple[str, ...]:
    found = values.get("classes", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise KnowledgeError(f"{path} has under `classes` no list of names; leave it as exported.")
    return tuple(found)


def _as_of(values: dict[str, Any], path: Path) -> AsOf | None:
    try:
        return AsOf.parse(str(values["as_of"])) if "as_of" in values else None
    except ValueError as error:
        raise KnowledgeError(f"{path} was changed under `as_of` ({error}); leave it as exported.") from error


def _parse(row: dict[str, Any]) -> tuple[Concept, list[Override]]:
    given = {"evidence": [], "query": "", "origin": "expert", "id": concept_id(row["question"])}
    concept = parse_concept(given | row)
    if not concept.question.strip():
        raise ValueError("the question is empty")
    signs = [_sign(each, concept.id) for each in row.get("signs", ())]
    if len({each.class_name for each in signs}) < len(signs):
        raise ValueError("it has two signs for one class")
    return concept, signs


def _sign(row: dict[str, Any], concept: str) -> Override:
    sign, source = float(row["sign"]), str(row.get("source", "expert"))
    if not -1 <= sign <= 1:
        raise ValueError(f"the sign {sign:g} does not lie from -1 to 1")
    if source not in SOURCES:
        raise ValueError(f"the source {source!r} is none of {', '.join(sorted(SOURCES))}")
    return Override(str(row["class"]), concept, sign, source)
