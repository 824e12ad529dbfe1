"""Stages on text: gather passages, index them, discover concepts, read the reports, take the prior."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

import models.torchvision_operators  # noqa: F401  # before transformers
from knowledge.annotation.columns import ExpertColumn, expert_annotations
from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.table import (
    AnnotationTable,
    Annotator,
    Answer,
    Report,
    write_annotations,
)
from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept, ConceptBank
from knowledge.discovery import DiscoverySettings
from knowledge.discovery import discover as run_discovery
from knowledge.language.call_log import CallLog, LoggedModel
from knowledge.language.local import LocalModel
from knowledge.language.protocol import LanguageModel
from knowledge.passages import Document, Passage, chunk, read_passages, write_passages
from knowledge.priors import corpus_prior, language_model_prior, override, read_overrides, save_prior
from knowledge.question_writer import QuestionWriter
from knowledge.rejections import rejections, write_rejections
from knowledge.retrieval.dense import DenseIndex
from knowledge.retrieval.encoder import MeanPoolingEncoder
from knowledge.retrieval.fusion import Fusion
from knowledge.retrieval.hits import Retriever
from knowledge.retrieval.lexical import LexicalIndex
from knowledge.retrieval.vector_cache import VectorCache
from knowledge.screening import AnswerCounts, Screen, ScreenSettings
from knowledge.sources.markdown import read_markdown
from knowledge.sources.plain_text import read_plain_text
from knowledge.sources.pubmed_xml import read_pubmed_xml
from knowledge.sources.records import RecordFields, read_records
from models.images import ImageRecord
from pipelines.config import DataSet, LiteratureSource
from pipelines.directories import new_directory
from pipelines.errors import PipelineError
from pipelines.handbook import literature_path
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.weights import cache_directory, find_weights


def gather(run: Run) -> None:
    """Every document of every source, cut into passages."""
    passages: list[Passage] = []
    progress = run.reporter.work("gather", "sources")
    for done, source in enumerate(run.config.literature, start=1):
        for document in read_source(source):
            passages += chunk(document, size=run.config.retrieval.passage_size)
        progress(done, len(run.config.literature))
    if not passages:
        raise PipelineError("the literature holds no passage; check the paths under [[literature]]")
    write_passages(run.path("passages.jsonl"), passages)


def read_source(source: LiteratureSource) -> Iterator[Document]:
    """Documents of one source by its kind."""
    path, name, license_ = literature_path(source.path), source.name, source.license
    match source.kind:
        case "pubmed_xml":
            return read_pubmed_xml(path, source=name, license=license_)
        case "markdown":
            return read_markdown(path, source=name, license=license_)
        case "text":
            return read_plain_text(path, source=name, license=license_)
        case "records":
            assert source.fields is not None, "the configuration demands it"
            given = source.fields
            fields = RecordFields(
                id=given.id,
                id_prefix=given.id_prefix,
                title=given.title,
                text=given.text,
                sections=given.sections,
                license=given.license,
            )
            return read_records(path, source=name, license=license_, fields=fields)


def passage_encoder(run: Run) -> MeanPoolingEncoder:
    """The encoder of passages and questions."""
    return MeanPoolingEncoder(find_weights(run.config.retrieval.encoder))


def index(run: Run) -> None:
    """BM25 over all passages, and vectors where configured."""
    passages = read_passages(run.path("passages.jsonl"))
    with new_directory(run.path("index")) as directory:
        LexicalIndex.build(passages, directory / "lexical")
        if run.config.retrieval.dense:
            DenseIndex.build(
                passages,
                passage_encoder(run),
                directory / "dense",
                cache=VectorCache(cache_directory() / "passage_vectors.sqlite"),
                progress=run.reporter.work("embed", "passages"),
            )


def open_retriever(run: Run) -> Retriever:
    """What `index` built."""
    lexical = LexicalIndex.open(run.path("index/lexical"))
    if not run.config.retrieval.dense:
        return lexical
    dense = DenseIndex.open(run.path("index/dense"), passage_encoder(run))
    return Fusion([lexical, dense], constant=run.config.retrieval.fusion_constant)


def annotator(run: Run) -> Annotator:
    """Who reads the reports."""
    section = run.config.annotation
    if section.annotator == "rules":
        silence = Answer.NO if section.silence == "no" else Answer.UNKNOWN
        return RuleAnnotator(load_lexicon(*section.lexicon), silence=silence)
    from knowledge.annotation.language_model import LanguageModelAnnotator  # noqa: PLC0415

    return LanguageModelAnnotator(open_language_model(run))


def reports_of(records: Sequence[ImageRecord]) -> list[Report]:
    """Reports of images that have one, by image id."""
    return [Report(record.id, record.report) for record in records if record.report]


def annotate(run: Run) -> None:
    """Every concept of every grounding image, by its report or by expert columns."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    table = read_images(run.path("images.parquet"))
    reports = reports_of(table.of(run.config.grounding.datasets))
    tables: list[AnnotationTable] = []
    if reports:
        progress = run.reporter.work("annotate", "concepts")
        tables.append(annotator(run).annotate(reports, list(bank), progress=progress))
    tables += [
        made
        for dataset in grounding_datasets(run)
        if (made := expert_table(dataset, table.of([dataset.name]), list(bank))) is not None
    ]
    if not tables:
        raise PipelineError(
            "the grounding data sets have neither reports nor expert columns; name them in the configuration"
        )
    write_annotations(run.path("annotations.parquet"), tables)


def grounding_datasets(run: Run) -> list[DataSet]:
    """In the order of the configuration."""
    return [dataset for dataset in run.config.datasets if dataset.name in run.config.grounding.datasets]


def expert_table(
    dataset: DataSet, records: Sequence[ImageRecord], concepts: Sequence[Concept]
) -> AnnotationTable | None:
    """Answers of a data set's expert columns for the concepts that asked their questions."""
    by_question = {concept.question: concept.id for concept in concepts}
    columns = expert_columns(dataset, tuple(by_question))
    if not columns:
        return None
    attributes = {record.id: with_empty_cells(record, columns) for record in records}
    return expert_annotations(attributes, columns, concept_ids=by_question, dataset=dataset.name)


def expert_columns(dataset: DataSet, questions: Sequence[str]) -> list[ExpertColumn]:
    """Columns whose question is among those asked."""
    return [
        ExpertColumn(item.column, item.question, yes=item.yes, no=item.no, unknown=item.unknown)
        for item in dataset.expert_columns
        if item.question in questions
    ]


def with_empty_cells(record: ImageRecord, columns: Sequence[ExpertColumn]) -> dict[str, str]:
    """The columns' cells; an image record leaves empty ones out."""
    return {column.column: record.attributes.get(column.column, "") for column in columns}


def open_language_model(run: Run) -> LanguageModel:
    """The configured model; no call is ever made twice on this machine."""
    model = LocalModel(find_weights(run.config.language_model.weights))
    return LoggedModel(model, CallLog(cache_directory() / "calls.sqlite"))


def discover(run: Run) -> None:
    """Concepts from the literature, screened as they are found."""
    config = run.config
    passages = {passage.id: passage for passage in read_passages(run.path("passages.jsonl"))}
    screen = Screen(
        passages=passages,
        encoder=passage_encoder(run),
        class_names={item.name: item.all_words for item in config.classes},
        count=answer_counter(run),
        settings=ScreenSettings(
            similarity=config.screening.novelty,
            minority=config.screening.minimum_answers,
            minority_share=config.screening.minimum_share,
        ),
    )
    found = run_discovery(
        start_queries(run),
        template=config.discovery.template,
        retriever=open_retriever(run),
        passages=passages,
        writer=QuestionWriter(open_language_model(run)),
        screen=screen,
        settings=DiscoverySettings(
            wanted=config.discovery.wanted,
            retrieve=config.discovery.candidates,
            keep=config.discovery.passages,
            sentences_per_passage=config.discovery.sentences,
            maximum_sentences=config.discovery.maximum_sentences,
        ),
        seed_questions=[c.question for dataset in grounding_datasets(run) for c in dataset.expert_columns],
        progress=run.reporter.work("discover", "concepts"),
    )
    found.bank.save(run.path("concepts.jsonl"))
    write_rejections(run.path("rejected.jsonl"), rejections(found.tested, found.verdicts))
    if not len(found.bank):
        raise PipelineError(
            f"none of the {len(found.tested)} candidate concepts passed the screening; "
            "see `knobo concepts RUN --rejected` and widen the literature or lower [screening]"
        )


def start_queries(run: Run) -> list[str]:
    """Class names and their synonyms, then what the configuration adds."""
    words = [word for item in run.config.classes for word in item.all_words]
    return list(dict.fromkeys((*words, *run.config.discovery.extra_queries)))


def answer_counter(run: Run) -> Callable[[Sequence[Concept]], list[AnswerCounts]]:
    """Counts the answers of all grounding reports, and of expert columns that ask the same question."""
    table = read_images(run.path("images.parquet"))
    reports = reports_of(table.of(run.config.grounding.datasets))
    reader = annotator(run)

    def count(concepts: Sequence[Concept]) -> list[AnswerCounts]:
        tables = [reader.annotate(reports, concepts)] if reports else []
        tables += [
            made
            for dataset in grounding_datasets(run)
            if (made := expert_table(dataset, table.of([dataset.name]), concepts)) is not None
        ]
        return [counts_of(concept.id, tables) for concept in concepts]

    return count


def counts_of(concept_id: str, tables: Sequence[AnnotationTable]) -> AnswerCounts:
    """Answers to one concept in all tables that have it."""
    columns = [
        table.answer[:, table.concept_ids.index(concept_id)]
        for table in tables
        if concept_id in table.concept_ids
    ]
    answers = np.concatenate(columns) if columns else np.empty(0, np.int8)
    yes, no = (int((answers == value).sum()) for value in (Answer.YES, Answer.NO))
    return AnswerCounts(yes=yes, no=no, unknown=len(answers) - yes - no)


def prior(run: Run) -> None:
    """Signs by class and concept; those of an expert win."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    passages = read_passages(run.path("passages.jsonl"))
    classes = class_terms(run)
    section = run.config.prior
    if section.source == "corpus":
        signs = corpus_prior(list(bank), classes, passages)
    else:
        signs = language_model_prior(list(bank), classes, open_language_model(run))
    if section.expert is not None:
        names = [item.name for item in run.config.classes]
        signs = override(signs, read_overrides(section.expert, classes=names, bank=bank))
    save_prior(signs, run.path("prior.csv"), bank=bank)


def class_terms(run: Run) -> list[ClassTerms]:
    """Classes as the literature names them."""
    return [
        ClassTerms(item.name, item.words, normal=item.normal, general=item.general)
        for item in run.config.classes
    ]
