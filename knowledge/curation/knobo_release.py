"""The concept lists and sign files that the authors of KnoBo released, as a bank with signs.

A list is plain text, a question a line, without a source; a sign file is JSON, class to question to `yes` or
`no`. Both have faults, which are counted: questions given twice, questions without a sign, signs for
questions that are not in the list, classes spelled in several ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept, ConceptBank, concept_id, make_concept
from knowledge.curation.json_bank import read_values
from knowledge.curation.signed_bank import SignedBank
from knowledge.errors import KnowledgeError
from knowledge.priors.table import Override
from knowledge.vocabulary import stems

ANSWERS = {"yes": 1.0, "no": -1.0}


@dataclass(frozen=True, slots=True)
class Release:
    """What was read.

    Attributes:
        signed: Concepts without quotations, origin `imported`, and the signs of the classes asked for.
        notes: One sentence a fault, with its count.
    """

    signed: SignedBank
    notes: tuple[str, ...]


def read_release(concepts: Path, *, signs: Path | None = None, classes: Sequence[ClassTerms] = ()) -> Release:
    """Reads a list and, where given, the signs of those classes that the file knows by name or synonym.

    Raises:
        KnowledgeError: A file is missing or of another shape, or no class is in the sign file.
    """
    bank, lines, notes = _read_list(concepts)
    names = tuple(each.name for each in classes)
    given = read_signs(signs, bank, classes, notes) if signs is not None else ()
    signed = SignedBank(
        bank, names, tuple(given), complete=False, quoted=False, lines=lines, place=str(concepts)
    )
    return Release(signed, tuple(notes))


def read_signs(
    path: Path, bank: ConceptBank, classes: Sequence[ClassTerms], notes: list[str]
) -> tuple[Override, ...]:
    """The signs of a released file for the questions of a bank; faults are added to `notes`.

    Raises:
        KnowledgeError: The file is missing, of another shape, or knows none of the classes.
    """
    answers = _read_answers(path)
    given: list[Override] = []
    for each in classes:
        name = _name_of(each, answers, path, notes)
        given += _signs(each.name, answers[name], bank, notes) if name is not None else []
    if not given:
        raise KnowledgeError(
            f"{path} has no sign for {', '.join(each.name for each in classes)}; it knows the classes "
            f"{', '.join(list(answers)[:8])}: name one of them among the `words` of a class."
        )
    return tuple(given)


def _read_list(path: Path) -> tuple[ConceptBank, dict[str, int], list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise KnowledgeError(f"The list {path} cannot be read ({error.strerror}); check the path.") from error
    except UnicodeDecodeError as error:
        raise KnowledgeError(f"{path} is no list of questions (not UTF-8); give a text file.") from error
    found: dict[str, Concept] = {}
    lines: dict[str, int] = {}
    twice = 0
    for number, line in enumerate(text.split("\n"), start=1):
        question = " ".join(line.split())
        if not question:
            continue
        if "?" not in question:
            raise KnowledgeError(
                f"Line {number} of {path} is no question (`{question[:40]}`); give one question a line."
            )
        concept = make_concept(question, (), "", origin="imported")
        twice += concept.id in found
        found.setdefault(concept.id, concept)
        lines.setdefault(concept.id, number)
    if not found:
        raise KnowledgeError(f"{path} holds no question; give one question a line.")
    notes = [f"{twice} questions stand there twice and are taken once."] if twice else []
    return ConceptBank(tuple(found.values())), lines, notes


def _read_answers(path: Path) -> dict[str, dict[str, str]]:
    values = read_values(path)
    shape = isinstance(values, dict) and all(isinstance(each, dict) for each in values.values())
    if not shape or not values:
        raise KnowledgeError(f"{path} is no sign file: it must map each class to its questions and answers.")
    return {str(name): {str(q): str(a) for q, a in found.items()} for name, found in values.items()}


def _name_of(
    wanted: ClassTerms, answers: Mapping[str, Mapping[str, str]], path: Path, notes: list[str]
) -> str | None:
    """The file's name for a class: its own name before a synonym."""
    fits = [name for name in answers if tuple(stems(name.replace("_", " "))) in wanted.terms]
    if not fits:
        notes.append(f"{path.name} has no signs for the class {wanted.name}.")
        return None
    fits.sort(key=lambda name: name.casefold() != wanted.name.casefold())
    if len(fits) > 1:
        notes.append(f"{wanted.name} is spelled {', '.join(fits)} there; {fits[0]} is taken.")
    return fits[0]


def _signs(
    class_name: str, answers: Mapping[str, str], bank: ConceptBank, notes: list[str]
) -> list[Override]:
    by_id = {concept_id(question): answer.strip().casefold() for question, answer in answers.items()}
    known = [concept.id for concept in bank if by_id.get(concept.id) in ANSWERS]
    missing = len(bank) - len(known)
    if missing:
        notes.append(f"{missing} of {len(bank)} questions have no sign for {class_name}.")
    return [Override(class_name, each, ANSWERS[by_id[each]], "imported") for each in known]
