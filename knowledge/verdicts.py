"""The verdicts on accepted concepts, kept so that a clinician can read why each is in the bank."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.concepts import ConceptBank, Verdict
from knowledge.errors import KnowledgeError


def accepted_verdicts(verdicts: Sequence[Verdict], bank: ConceptBank) -> tuple[Verdict, ...]:
    """Those on concepts of the bank, in order."""
    ids = set(bank.ids)
    return tuple(verdict for verdict in verdicts if verdict.concept_id in ids)


def write_verdicts(path: Path, verdicts: Iterable[Verdict]) -> None:
    """JSON Lines, one verdict a line."""
    write_text(path, "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in verdicts))


def read_verdicts(path: Path) -> tuple[Verdict, ...]:
    """Reads what `write_verdicts` wrote; none where there is no file.

    Raises:
        KnowledgeError: A line is no verdict.
    """
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").split("\n")
    return tuple(_parse(line, path, number) for number, line in enumerate(lines, start=1) if line)


def _parse(line: str, path: Path, number: int) -> Verdict:
    try:
        return Verdict(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise KnowledgeError(
            f"line {number} of {path} is no verdict ({error}); run the discovery again"
        ) from error
