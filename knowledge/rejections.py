"""Concepts that screening refused, kept with every verdict so that a clinician can disagree."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.concepts import Concept, Verdict, parse_concept
from knowledge.errors import KnowledgeError


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refused concept; the last verdict is the one it failed."""

    concept: Concept
    verdicts: tuple[Verdict, ...]


def rejections(tested: Sequence[Concept], verdicts: Sequence[Verdict]) -> tuple[Rejection, ...]:
    """The tested concepts that failed a test, in order."""
    failed = {verdict.concept_id for verdict in verdicts if not verdict.passed}
    by_concept: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_concept.setdefault(verdict.concept_id, []).append(verdict)
    return tuple(Rejection(each, tuple(by_concept[each.id])) for each in tested if each.id in failed)


def write_rejections(path: Path, rejected: Sequence[Rejection]) -> None:
    """JSON Lines, one rejection a line."""
    write_text(path, "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in rejected))


def read_rejections(path: Path) -> tuple[Rejection, ...]:
    """Reads what `write_rejections` wrote.

    Raises:
        KnowledgeError: No such file, or a line that is no rejection.
    """
    if not path.is_file():
        raise KnowledgeError(f"there are no rejections at {path}; run the discovery first")
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(_parse(line, path, number) for number, line in enumerate(lines, start=1) if line)


def _parse(line: str, path: Path, number: int) -> Rejection:
    try:
        row = json.loads(line)
        return Rejection(parse_concept(row["concept"]), tuple(Verdict(**each) for each in row["verdicts"]))
    except (ValueError, KeyError, TypeError) as error:
        raise KnowledgeError(
            f"line {number} of {path} is no rejection ({error}); run the discovery again"
        ) from error
