"""What a section of the configuration amounts to: its settings, and the content of what they point to."""

from collections.abc import Callable
from pathlib import Path

from knowledge.annotation.lexicon import load_lexicon
from knowledge.language.replies import open_replies
from models.datasets.tables import read_columns
from pipelines.config import BulkSource, Config, DataSet, LiteratureSource, QuerySource
from pipelines.digests import content_digest, file_digest, files_below, listing_digest, value_digest
from pipelines.handbook import literature_path
from pipelines.weights import WEIGHTS


def section_value(config: Config, name: str) -> object:
    """A section as JSON; a path counts by what lies there, not by its name.

    A stage may also depend on a part of a section; such parts have names of their own.
    """
    if name in VALUES:
        return VALUES[name](config)
    value = getattr(config, name)
    if isinstance(value, tuple):
        return [item.model_dump(mode="json") for item in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def literature(config: Config) -> object:
    """Every source by its settings and contents; by its settings alone where only a refresh takes in more."""
    if config.refresh.literature == "hold":
        return [source.model_dump(mode="json") for source in config.literature]
    return [literature_value(source) for source in config.literature]


def fetched_literature(config: Config) -> object:
    """The sources that the network gives."""
    network = [source for source in config.literature if isinstance(source, QuerySource | BulkSource)]
    return [literature_value(source) for source in network]


def passage_size(config: Config) -> object:
    """How long passages are: all that cutting them depends on."""
    return config.retrieval.passage_size


def datasets(config: Config) -> object:
    """Every data set by its settings, table and files."""
    return [dataset_value(dataset) for dataset in config.datasets]


def splits(config: Config) -> object:
    """Every split by its settings, and the files of published ones."""
    return [
        [
            split.model_dump(mode="json", exclude={"files"}),
            content_digest(split.files) if split.files else None,
        ]
        for split in config.splits
    ]


def prior(config: Config) -> object:
    """The source of the signs, the expert's table, and the bank begun with, which may hold signs."""
    expert, bank = config.prior.expert, config.discovery.bank
    return [
        config.prior.model_dump(mode="json", exclude={"expert"}),
        content_digest(expert) if expert else None,
        *([content_digest(bank)] if bank else []),
    ]


def annotation(config: Config) -> object:
    """How reports are read, with the words of the lexica."""
    lexicon = load_lexicon(*config.annotation.lexicon).digest
    shipped = shipped_digest("knowledge/annotation/lexicon", ".toml")
    encoder = question_texts(config) if config.annotation.nearest > 0 else None
    return [config.annotation.model_dump(mode="json"), lexicon, shipped, encoder]


def discovery(config: Config) -> object:
    """Bounds of the loop, with prompts, word lists and the bank it begins with."""
    words = [shipped_digest(f"knowledge/{folder}", ".txt") for folder in ("prompts", "vocabulary")]
    begun_with = content_digest(config.discovery.bank) if config.discovery.bank else None
    return [config.discovery.model_dump(mode="json", exclude={"bank"}), begun_with, words]


def grounding_data(config: Config) -> object:
    """Questions that experts answered for grounding images."""
    chosen = [dataset for dataset in config.datasets if dataset.name in config.grounding.datasets]
    return [
        [item.name, [column.model_dump(mode="json") for column in item.expert_columns]] for item in chosen
    ]


def encoder(config: Config) -> object:
    """Of images, with the content of local weights."""
    weights = local_digest(config.encoder.weights) if config.encoder.hub is None else None
    return [config.encoder.meaning(), weights]


def fine_tune(config: Config) -> object:
    """With the content of local weights."""
    weights = config.fine_tune.weights
    return [config.fine_tune.model_dump(mode="json"), local_digest(weights) if weights else None]


def heads(config: Config) -> object:
    """How heads are trained, whichever methods have one."""
    return config.fit.model_dump(mode="json", exclude={"methods"})


def question_texts(config: Config) -> object:
    """The encoder that turns questions into vectors."""
    return [config.screening.encoder, local_digest(config.screening.encoder)]


def language_model(config: Config) -> object:
    """With the content of local weights, or the replies that are repeated."""
    section = config.language_model
    if section.replay is not None:
        with open_replies(section.replay) as replies:
            return [section.meaning(), replies.digest()]
    return [section.meaning(), local_digest(section.weights)]


def retrieval(config: Config) -> object:
    """With the content of local weights."""
    reranker = config.retrieval.reranker
    weights = [local_digest(config.retrieval.encoder), content_digest(reranker) if reranker else None]
    return [config.retrieval.model_dump(mode="json", exclude={"reranker"}), weights]


def indexing(config: Config) -> object:
    """What of `[retrieval]` decides how the index is built."""
    settings = config.retrieval.model_dump(include={"dense", "encoder", "index", "memory_budget", "recall"})
    return [settings, local_digest(config.retrieval.encoder)]


def screening(config: Config) -> object:
    """With the content of local encoder weights."""
    return [config.screening.meaning(), local_digest(config.screening.encoder)]


VALUES: dict[str, Callable[[Config], object]] = {
    "annotation": annotation,
    "datasets": datasets,
    "discovery": discovery,
    "encoder": encoder,
    "fetched_literature": fetched_literature,
    "fine_tune": fine_tune,
    "grounding_data": grounding_data,
    "heads": heads,
    "indexing": indexing,
    "language_model": language_model,
    "literature": literature,
    "passage_size": passage_size,
    "prior": prior,
    "question_texts": question_texts,
    "retrieval": retrieval,
    "screening": screening,
    "splits": splits,
}
"""Sections, and parts of them, whose settings alone do not say all."""


def local_digest(weights: str) -> str | None:
    """Content of weights given as a path; named ones are told apart by their name."""
    return None if weights in WEIGHTS else content_digest(Path(weights))


def literature_value(source: LiteratureSource) -> object:
    """A literature source by its settings and contents; what the network gave is an artifact of `fetch`."""
    match source:
        case QuerySource():
            settings = source.model_dump(mode="json", exclude={"email", "api_key_env", "url"})
            return [settings, *other] if (other := source.other_server()) else settings
        case BulkSource():
            settings = source.model_dump(mode="json", exclude={"path", "url", "workers", "connections"})
            return [settings, None if source.url else listing_digest(sorted(source.path.glob("*.xml.gz")))]
        case _:
            settings = source.model_dump(mode="json", exclude={"path"})
            return [settings, content_digest(literature_path(source.path))]


def dataset_value(dataset: DataSet) -> object:
    """A data set by its settings, its table, and place, size and time of the files that the table names."""
    settings = dataset.model_dump(mode="json", exclude={"external_llm_allowed"})
    if dataset.folder is not None:
        return [settings, listing_digest(files_below(dataset.folder))]
    manifest = dataset.manifest
    assert manifest is not None, "the configuration admits either a manifest or a folder"
    images = read_columns(manifest, [dataset.image])[dataset.image]
    return [settings, content_digest(manifest), listing_digest(manifest.parent / image for image in images)]


def shipped_digest(folder: str, suffix: str) -> str:
    """Of the data files beside the code of a package folder: prompts, word lists, lexica."""
    root = Path(__file__).parents[1] / folder
    return value_digest([(file.name, file_digest(file)) for file in sorted(root.glob(f"*{suffix}"))])
