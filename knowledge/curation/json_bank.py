"""A bank with its signs as JSON."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from knowledge.atomic import write_text
from knowledge.concepts import Concept, ConceptBank, concept_id, parse_concept
from knowledge.curation.signed_bank import SignedBank
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
    values = {"schema": SCHEMA, "classes": list(signed.classes), "concepts": rows}
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
    for n, row in enumerate(values["concepts"], start=1):
        try:
            concept, given = _parse(row)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise KnowledgeError(
                f"Concept {n} of {path} cannot be understood ({type(error).__name__}: {error}); mend it."
            ) from error
        concepts.append(concept)
        signs += given
    classes = tuple(str(each) for each in values.get("classes", ()))
    return SignedBank(ConceptBank(tuple(concepts)), classes, tuple(signs), place=str(path))


def read_values(path: Path) -> Any:
    """The JSON of a file."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise KnowledgeError(f"The file {path} cannot be read ({error.strerror}); check the path.") from error
    except ValueError as error:
        raise KnowledgeError(f"{path} is not JSON ({error}); mend it or export the bank again.") from error


def _parse(row: dict[str, Any]) -> tuple[Concept, list[Override]]:
    given = {"evidence": [], "query": "", "origin": "expert", "id": concept_id(row["question"])}
    concept = parse_concept(given | row)
    if not concept.question.strip():
        raise ValueError("the question is empty")
    return concept, [_sign(each, concept.id) for each in row.get("signs", ())]


def _sign(row: dict[str, Any], concept: str) -> Override:
    sign, source = float(row["sign"]), str(row.get("source", "expert"))
    if not -1 <= sign <= 1:
        raise ValueError(f"the sign {sign:g} does not lie from -1 to 1")
    if source not in SOURCES:
        raise ValueError(f"the source {source!r} is none of {', '.join(sorted(SOURCES))}")
    return Override(str(row["class"]), concept, sign, source)
