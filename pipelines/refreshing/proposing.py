"""Concepts that new passages give, beside the bank of a run: found, screened, annotated and grounded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from knowledge.annotation.table import AnnotationTable
from knowledge.concepts import Concept, concept_id
from knowledge.curation.concept_changes import Drop
from knowledge.passage_file import PassageFile
from models.errors import ModelsError
from models.features.table import FeatureTable
from pipelines.curation import OpenBank
from pipelines.refreshing.outcome import Proposal
from pipelines.run import Run
from pipelines.stages.annotate import answers_to
from pipelines.stages.discover import (
    counts_of,
    discovery_settings,
    find_concepts,
    seed_questions,
)
from pipelines.stages.ground import examples_of, fit_on
from pipelines.stages.language import SUMMARY, write_summary

FEWEST = 12
"""Sentences that a refresh may turn into questions, however few passages are new."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at new passages gave.

    Attributes:
        concepts: In order of acceptance.
        read: Passages chosen for some query.
        waiting: Those of them with sentences that the bound kept from being written about.
    """

    concepts: tuple[Concept, ...] = ()
    read: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()


def propose(staged: Run, opened: OpenBank, waiting: Sequence[Proposal], new: frozenset[str]) -> Found:
    """Concepts that passages of `new` give and that neither stand in the bank nor were turned down.

    Args:
        staged: The refreshed literature.
        opened: The bank in production.
        waiting: Proposals without a decision.
        new: Passages that may be read; they count where they are among the best for a query.
    """
    section = staged.config.refresh
    if not new or not section.wanted:
        return Found(waiting=new)
    passages = PassageFile(staged.path("passages.jsonl"))
    known = known_concepts(opened, waiting)
    settings = replace(
        discovery_settings(staged),
        wanted=len(known) + section.wanted,
        maximum_sentences=sentences_for(staged, new=len(new), passages=len(passages)),
    )
    ids = {each.id for each in known}
    seeds = [question for question in seed_questions(staged) if concept_id(question) not in ids]
    try:
        found = find_concepts(staged, passages, accepted=known, seeds=seeds, settings=settings, among=new)
    finally:
        if staged.path(SUMMARY).is_file():
            write_summary(staged)
    return Found(found.bank.concepts[len(known) :], found.read, found.waiting)


def sentences_for(staged: Run, *, new: int, passages: int) -> int:
    """How many are turned into questions: as configured, or as many a passage as the discovery had."""
    given = staged.config.refresh.maximum_sentences
    if given is not None:
        return given
    return max(FEWEST, ceil(staged.config.discovery.maximum_sentences * new / passages))


def known_concepts(opened: OpenBank, waiting: Iterable[Proposal]) -> list[Concept]:
    """In force, found before, turned down or waiting: nothing like them is proposed."""
    dropped = [entry.change.before for entry in opened.counting if isinstance(entry.change, Drop)]
    every = (*opened.bank, *opened.discovered, *dropped, *(each.concept for each in waiting))
    return list({each.id: each for each in reversed(every)}.values())[::-1]


def described(run: Run, staged: Run, concepts: Sequence[Concept]) -> list[Proposal]:
    """Proposals with what the reports answer, and how well the features of the run show each."""
    if not concepts:
        return []
    passages, tables = PassageFile(staged.path("passages.jsonl")), answers_to(staged, concepts)
    quality = qualities(run, tables)
    proposals = []
    for concept in concepts:
        counts, source = counts_of(concept.id, tables), passages[concept.evidence[0].passage_id]
        auroc, low = quality.get(concept.id, (None, None))
        proposals.append(Proposal(concept, source.locator, source.license, counts.yes, counts.no, auroc, low))
    return proposals


def qualities(run: Run, tables: Sequence[AnnotationTable]) -> dict[str, tuple[float, float]]:
    """Cross-validated AUROC and its lower end by concept; of those alone that can be learnt."""
    if not (run.path("features").exists() and run.path("splits").exists()):
        return {}
    known = examples_of(run, FeatureTable.load(run.path("features")), tables)
    try:
        grounder = fit_on(run, known, known.features, row_weights=None, what="ground")
    except ModelsError:  # none has enough answers of both kinds
        return {}
    return {each.concept_id: (round(each.auroc, 3), round(each.auroc_low, 3)) for each in grounder.quality}
