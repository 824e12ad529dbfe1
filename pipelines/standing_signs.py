"""Signs that people gave in files that the configuration names: the expert's table, the bank begun with."""

import logging
from collections.abc import Iterator
from pathlib import Path

from knowledge.concepts import Concept, ConceptBank, concept_id, ids_by_former_id
from knowledge.curation.concept_changes import Drop
from knowledge.curation.files import read_bank
from knowledge.curation.journal import active, read_journal
from knowledge.curation.signed_bank import GIVEN
from knowledge.priors import read_overrides
from knowledge.priors.table import Override
from pipelines.bank_artifacts import JOURNAL
from pipelines.run import Run

log = logging.getLogger("knobo")


def signs_of_table(run: Run, bank: ConceptBank) -> list[Override]:
    """Of `[prior] expert`; rows about concepts that people dropped are passed over with a warning."""
    table = run.config.prior.expert
    if table is None:
        return []
    dropped = [each for each in _dropped(run) if each.id not in ids_by_former_id(bank)]
    names = [item.name for item in run.config.classes]
    found = read_overrides(table, classes=names, bank=ConceptBank((*bank, *dropped)))
    kept = [each for each in found if each.concept_id in bank.ids]
    if len(kept) < len(found):
        log.warning(
            "%d rows of %s are about concepts that were dropped and are passed over",
            len(found) - len(kept),
            table,
        )
    return kept


def signs_of_start(run: Run, bank: ConceptBank) -> list[Override]:
    """Of `[discovery] bank`; those of concepts that are not in the bank any more are left out.

    Raises:
        KnowledgeError: A sign is for a class that the run does not have.
    """
    path = run.config.discovery.bank
    if path is None:
        return []
    start, today = read_bank(path), ids_by_former_id(bank)
    start.require_classes([item.name for item in run.config.classes])
    asked = {each.id: today.get(concept_id(each.question), today.get(each.id)) for each in start.bank}
    return [
        Override(each.class_name, name, each.sign, each.source)
        for each in start.signs
        if each.source in GIVEN and (name := asked[each.concept_id]) is not None
    ]


def standing_place(run: Run, bank: ConceptBank, concept: str, class_name: str) -> Path | None:
    """The file that holds a sign which the journal cannot take back."""
    cell = concept, class_name
    for path, signs in (
        (run.config.prior.expert, signs_of_table),
        (run.config.discovery.bank, signs_of_start),
    ):
        if path is not None and cell in {(each.concept_id, each.class_name) for each in signs(run, bank)}:
            return path
    return None


def _dropped(run: Run) -> Iterator[Concept]:
    """Concepts that people took out, each once."""
    entries = read_journal(run.path(JOURNAL))
    counting = active(entries)
    changes = [entry.change for entry in entries if entry.number in counting]
    yield from {each.before.id: each.before for each in changes if isinstance(each, Drop)}.values()
