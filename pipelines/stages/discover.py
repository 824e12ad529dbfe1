"""Concepts from the literature, screened as they are found."""

import logging
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace

import numpy as np

from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.table import AnnotationTable, Answer, Report
from knowledge.concepts import Concept, ConceptBank, make_concept
from knowledge.curation.files import read_bank
from knowledge.curation.replay import Curated, anchored
from knowledge.discovery import Discovery, DiscoverySettings
from knowledge.discovery import discover as run_discovery
from knowledge.passage_file import PassageFile
from knowledge.passages import Passage
from knowledge.rejections import rejections, write_rejections
from knowledge.screening import AnswerCounts, Screen, ScreenSettings
from knowledge.verdicts import accepted_verdicts, write_verdicts
from pipelines.errors import PipelineError
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.cells import cells_to_ask, kept_answers, sentences_of
from pipelines.stages.index import open_retriever, question_encoder
from pipelines.stages.language import accounted, open_writer
from pipelines.stages.reports import annotator, expert_table, grounding_datasets, reports_of

log = logging.getLogger("knobo")


@accounted
def discover(run: Run) -> None:
    """Concepts from the literature, screened as they are found."""
    passages = PassageFile(run.path("passages.jsonl"))
    found = find_concepts(
        run,
        passages,
        accepted=starting_concepts(run, passages),
        seeds=seed_questions(run),
        settings=discovery_settings(run),
    )
    found.bank.save(run.path("discovered.jsonl"))
    write_verdicts(run.path("verdicts.jsonl"), accepted_verdicts(found.verdicts, found.bank))
    write_rejections(run.path("rejected.jsonl"), rejections(found.tested, found.verdicts))
    if not len(found.bank):
        raise PipelineError(
            f"none of the {len(found.tested)} candidate concepts passed the screening; "
            "see `knobo concepts list RUN --rejected` and widen the literature or lower [screening]"
        )


def find_concepts(
    run: Run,
    passages: Mapping[str, Passage],
    *,
    accepted: Sequence[Concept],
    seeds: Sequence[str],
    settings: DiscoverySettings,
    among: Container[str] | None = None,
) -> Discovery:
    """Runs the loop with everything as configured.

    Args:
        run: Whose index, images and settings count.
        passages: All of the literature.
        accepted: Concepts that are there already.
        seeds: Questions of people that are looked for first.
        settings: Bounds; the wanted number counts those that are there already.
        among: Passages that may be read; all without it.
    """
    config = run.config
    screen = Screen(
        passages=passages,
        encoder=question_encoder(run),
        class_names={item.name: item.all_words for item in config.classes},
        count=answer_counter(run),
        settings=ScreenSettings(
            similarity=config.screening.novelty,
            minority=config.screening.minimum_answers,
            minority_share=config.screening.minimum_share,
        ),
        accepted=list(accepted),
    )
    found = run_discovery(
        start_queries(run),
        template=config.discovery.template,
        retriever=open_retriever(run),
        passages=passages,
        writer=open_writer(run),
        screen=screen,
        settings=settings,
        seed_questions=seeds,
        among=among,
        progress=run.reporter.work("discover", "concepts"),
    )
    if found.instructive:
        log.warning(
            "discover: %d passages speak to a language model and were left out: %s",
            len(found.instructive),
            ", ".join(sorted(found.instructive)[:10]),
        )
    return found


def discovery_settings(run: Run) -> DiscoverySettings:
    """As configured."""
    section = run.config.discovery
    return DiscoverySettings(
        wanted=section.wanted,
        retrieve=section.candidates,
        keep=section.passages,
        sentences_per_passage=section.sentences,
        maximum_sentences=section.maximum_sentences,
    )


def seed_questions(run: Run) -> list[str]:
    """Those of the expert columns."""
    return [column.question for dataset in grounding_datasets(run) for column in dataset.expert_columns]


def starting_concepts(run: Run, passages: Mapping[str, Passage]) -> list[Concept]:
    """Those of the bank that the configuration begins with, with the quotes that stand in the passages."""
    path = run.config.discovery.bank
    if path is None:
        return []
    bank = ConceptBank(tuple(map(under_its_question, read_bank(path).bank)))
    found = anchored(Curated(bank, (), ()), passages)
    for note in found.notes:
        log.warning("discover: %s of %s: %s", note.concept_id, path, note.text)
    return [
        each if each.evidence or each.origin == "expert" else replace(each, origin="imported")
        for each in found.bank
    ]


def under_its_question(concept: Concept) -> Concept:
    """A concept that was reworded in a file, with the id of its question; it remembers the old one."""
    made = make_concept(concept.question, concept.evidence, concept.query, origin=concept.origin)
    if made.id == concept.id:
        return concept
    return replace(made, formerly=tuple(dict.fromkeys((*concept.formerly, concept.id))))


def start_queries(run: Run) -> list[str]:
    """Class names and their synonyms, then what the configuration adds."""
    words = [word for item in run.config.classes for word in item.all_words]
    return list(dict.fromkeys((*words, *run.config.discovery.extra_queries)))


def answer_counter(run: Run) -> Callable[[Sequence[Concept]], list[AnswerCounts]]:
    """Counts the answers of grounding reports, and of expert columns that ask the same question."""
    table = read_images(run.path("images.parquet"))
    ask = report_reader(run, reports_of(table.of(run.config.grounding.datasets)))

    def count(concepts: Sequence[Concept]) -> list[AnswerCounts]:
        tables = [
            ask(concepts),
            *(
                made
                for dataset in grounding_datasets(run)
                if (made := expert_table(dataset, table.of([dataset.name]), concepts)) is not None
            ),
        ]
        return [counts_of(concept.id, tables) for concept in concepts]

    return count


def report_reader(run: Run, reports: Sequence[Report]) -> Callable[[Sequence[Concept]], AnnotationTable]:
    """Answers of the reports: of all by the rules, which are fast, else of the cells that `annotate` asks."""
    reader = annotator(run)
    if isinstance(reader, RuleAnnotator):
        return lambda concepts: reader.annotate(reports, concepts)
    sentences, kept = sentences_of(run, reports), kept_answers(reader)
    return lambda concepts: kept.annotate(reports, concepts, cells=cells_to_ask(run, sentences, concepts))


def counts_of(concept_id: str, tables: Sequence[AnnotationTable]) -> AnswerCounts:
    """Answers to one concept in all tables that have it; a report that was not asked is not counted."""
    columns = [
        table.answer[table.asked[:, column], column]
        for table in tables
        if concept_id in table.concept_ids
        for column in [table.concept_ids.index(concept_id)]
    ]
    answers = np.concatenate(columns) if columns else np.empty(0, np.int8)
    yes, no = (int((answers == value).sum()) for value in (Answer.YES, Answer.NO))
    return AnswerCounts(yes=yes, no=no, unknown=len(answers) - yes - no)
