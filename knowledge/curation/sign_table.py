"""Signs that people gave, as the table that `knowledge.priors.read_overrides` reads."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from knowledge.atomic import write_text
from knowledge.concepts import ConceptBank
from knowledge.priors.table import Override
from knowledge.spreadsheet_cells import guarded


def write_signs(path: Path, signs: Sequence[Override], *, bank: ConceptBank) -> None:
    """One row a sign, with the question so that it can be read alone."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("class", "concept_id", "question", "sign", "source"))
    question = {concept.id: concept.question for concept in bank}
    for each in signs:
        rows.writerow(
            (
                each.class_name,
                each.concept_id,
                guarded(question[each.concept_id]),
                number(each.sign),
                each.source,
            )
        )
    write_text(path, text.getvalue())


def number(value: float) -> str:
    """The shortest text that reads back as the same number: `1`, `-0.5`."""
    return str(int(value)) if value == int(value) else repr(value)
